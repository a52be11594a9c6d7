"""A plugin is a folder with the same things in it each time."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import pytest

from resolver.plugins.order import ORDER
from tests.architecture.source import ROOT, plugin_folders, write_tree


def incomplete(root: Path = ROOT) -> list[str]:
    """Folders that lack a file which every plugin has, or whose README is headed by another name."""
    found = []
    for folder in plugin_folders(root):
        found += [
            f"{folder.name} has no {name}" for name in ("__init__.py", "README.md") if not (folder / name).exists()
        ]
        readme = folder / "README.md"
        if readme.exists() and readme.read_text(encoding="utf-8").split("\n", 1)[0].strip() != f"# {folder.name}":
            found.append(f"the README of {folder.name} does not start with '# {folder.name}'")
    return found


def unordered(order: Collection[str], root: Path = ROOT) -> list[str]:
    """Folders whose directive has no place in the chain."""
    return [folder.name for folder in plugin_folders(root) if folder.name not in order]


def undocumented(root: Path = ROOT) -> list[str]:
    """Options that a plugin reads and its README does not name in backticks or in a block of code."""
    found = []
    for folder in plugin_folders(root):
        readme = folder / "README.md"
        words = _code_words(readme.read_text(encoding="utf-8")) if readme.exists() else set()
        for path in sorted(folder.glob("*.py")):
            missing = dict.fromkeys(option for option in _options(path) if option not in words)
            found += [f"the README of {folder.name} does not name the option {option}" for option in missing]
    return found


def _code_words(text: str) -> set[str]:
    code = re.findall(r"^(?:```|~~~)[^\n]*\n(.*?)^(?:```|~~~)|`([^`\n]+)`", text, re.MULTILINE | re.DOTALL)
    return {word for pieces in code for word in re.findall(r"\w+(?:-\w+)*", " ".join(pieces))}


def _options(path: Path) -> Iterator[str]:
    """The options that a module has readers for: the keys of the tables that it hands to the cursor.

    A table may stand in the call, under a name, or be what a function of the module returns.
    """
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    readers = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "resolver.config.cursor"
        for alias in node.names
        if alias.name in ("options", "option_values")
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in readers:
            tables = list(_tables(node.args[1], tree))
            assert tables, f"{path}:{node.lineno}: where is the table of options?"
            for table in tables:
                yield from (str(key.value) for key in table.keys if isinstance(key, ast.Constant))


def _tables(expression: ast.expr, tree: ast.Module) -> Iterator[ast.Dict]:
    if isinstance(expression, ast.Dict):
        yield expression
    elif isinstance(expression, ast.Name):
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                if any(isinstance(target, ast.Name) and target.id == expression.id for target in targets):
                    yield node.value
    elif isinstance(expression, ast.Call) and isinstance(expression.func, ast.Name):
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == expression.func.id:
                returned = (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Return))
                yield from (value for value in returned if isinstance(value, ast.Dict))


def test_every_plugin_is_complete() -> None:
    assert incomplete() == []


def test_every_plugin_has_a_place_in_the_chain() -> None:
    assert unordered(ORDER) == []


def test_every_option_is_in_the_readme() -> None:
    assert not (found := undocumented()), "\n".join(found)


def test_no_directive_has_two_places_in_the_chain() -> None:
    assert len(ORDER) == len(set(ORDER))


def test_an_incomplete_plugin_is_found(tmp_path: Path) -> None:
    files = {
        "plugins/cache/__init__.py": "",
        "plugins/cache/README.md": "# cache\n\nKeeps answers.\n",
        "plugins/hosts/__init__.py": "",
        "plugins/log/README.md": "# logging\n",
    }
    assert incomplete(write_tree(tmp_path, files)) == [
        "hosts has no README.md",
        "log has no __init__.py",
        "the README of log does not start with '# log'",
    ]


def test_a_plugin_without_a_place_is_found(tmp_path: Path) -> None:
    tree = write_tree(tmp_path, {"plugins/cache/__init__.py": "", "plugins/mystery/__init__.py": ""})
    assert unordered(("cache",), tree) == ["mystery"]


@pytest.mark.parametrize(
    "code",
    [
        "option_values(directive, {'prefetch': read, 'disable': read, 'serve_stale': read})",
        "READERS: Readers = {'prefetch': read, 'disable': read, 'serve_stale': read}\noptions(directive, READERS)",
        "def _readers():\n  return {'prefetch': read, 'disable': read, 'serve_stale': read}\noptions(d, _readers())",
    ],
)
def test_an_undocumented_option_is_found(tmp_path: Path, code: str) -> None:
    files = {
        "plugins/cache/__init__.py": "LEVELS = {'not_an_option': read}",
        "plugins/cache/settings.py": f"from resolver.config.cursor import option_values, options\n{code}",
        "plugins/cache/README.md": "# cache\n\nprefetch\n\n```\ncache {\n    disable WHAT\n}\n```\n\n`serve_stale N`\n",
    }
    assert undocumented(write_tree(tmp_path, files)) == ["the README of cache does not name the option prefetch"]
