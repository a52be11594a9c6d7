"""What the distribution promises: its command, its data files, its version."""

from __future__ import annotations

import fnmatch
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import resolver

ROOT = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_every_file_beside_the_code_is_packaged() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    data = [
        path
        for path in (ROOT / "resolver").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and path.parent.name != "__pycache__"
    ]
    assert data
    assert [str(path) for path in data if not any(fnmatch.fnmatch(path.name, pattern) for pattern in patterns)] == []


def test_every_folder_with_code_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "resolver").rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_command_points_at_a_function() -> None:
    module, function = PROJECT["project"]["scripts"]["resolver"].split(":")
    assert callable(getattr(import_module(module), function))


def test_the_module_is_the_command_and_knows_its_version() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "resolver", "-version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert resolver.__version__ in run.stdout
