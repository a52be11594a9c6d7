"""A plugin is a folder with the same things in it each time."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

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


def test_every_plugin_is_complete() -> None:
    assert incomplete() == []


def test_every_plugin_has_a_place_in_the_chain() -> None:
    assert unordered(ORDER) == []


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
