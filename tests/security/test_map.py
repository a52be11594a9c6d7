"""The table of rules names tests that exist, and every test of this folder stands in it."""

from __future__ import annotations

import ast
import re
from pathlib import Path

HERE = Path(__file__).parent
NAMED = set(re.findall(r"`(test_[a-z0-9_]+(?:::test_[a-z0-9_]+)?)`", (HERE / "README.md").read_text("utf-8")))


def _tests() -> set[str]:
    found = set()
    for path in HERE.glob("test_*.py"):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.add(f"{path.stem}::{node.name}")
    return found


def test_what_the_table_names_exists() -> None:
    tests = _tests()
    assert not {one for one in NAMED if one not in tests and not any(test.startswith(f"{one}::") for test in tests)}


def test_every_file_stands_in_the_table() -> None:
    files = {path.stem for path in HERE.glob("test_*.py")}
    assert files == {one.partition("::")[0] for one in NAMED}
