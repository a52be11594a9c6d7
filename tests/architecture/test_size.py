"""Files and functions stay small enough to be read in one go."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import ROOT, Module, modules, write_tree

FILE_LINES = 400
FUNCTION_LINES = 60


def oversized(root: Path = ROOT) -> list[str]:
    """Files and functions over the limit, with their numbers of lines."""
    found = []
    for module in modules(root):
        lines = len(module.text.splitlines())
        if lines > FILE_LINES:
            found.append(f"{module.path}: {lines} lines, at most {FILE_LINES}")
        found += long_functions(module)
    return found


def long_functions(module: Module) -> Iterator[str]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{module.path}:{node.lineno}: {node.name} has {lines} lines, at most {FUNCTION_LINES}"


def test_files_and_functions_are_small() -> None:
    assert not (found := oversized()), "\n".join(found)


def test_a_long_file_is_found(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, {"long.py": "pass\n" * (FILE_LINES + 1), "short.py": "pass\n" * FILE_LINES})
    assert oversized(tree) == [f"{tree / 'resolver/long.py'}: {FILE_LINES + 1} lines, at most {FILE_LINES}"]


def test_a_long_method_is_found(tmp_path: Path) -> None:
    text = "class A:\n  async def long(self):\n" + "    pass\n" * FUNCTION_LINES
    text += "  def short(self):\n" + "    pass\n" * (FUNCTION_LINES - 1)
    found = oversized(write_tree(tmp_path, {"a.py": text}))
    assert len(found) == 1
    assert f"long has {FUNCTION_LINES + 1} lines" in found[0]
