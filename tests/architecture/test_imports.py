"""Imports point one way: from what knows much to what knows little."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGE, ROOT, Module, modules, write_tree

LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors"}),
    frozenset({"wire"}),
    frozenset({"config", "telemetry", "sockets", "manifests", "dnssec", "report"}),
    frozenset({"chain"}),
    frozenset({"zone", "upstream", "kube", "replay", "policy"}),
    frozenset({"plugins"}),
    frozenset({"listeners"}),
    frozenset({"runtime"}),
    frozenset({"node", "netpol"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)
RANKS = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}

# wire turns octets into values and back: what it does depends on nothing but its arguments.
OUTSIDE_WORLD = frozenset(
    {"asyncio", "os", "pathlib", "random", "secrets", "select", "selectors"}
    | {"signal", "socket", "ssl", "subprocess", "threading", "time"}
)


def part_of(name: str) -> str:
    """``wire`` for ``resolver.wire.header``; empty for the package itself and for what it exports (``__version__``)."""
    pieces = name.split(".")
    return pieces[1] if len(pieces) > 1 and (pieces[1] in RANKS or not pieces[1].startswith("__")) else ""


def plugin_of(name: str, root: Path) -> str:
    """``cache`` for ``resolver.plugins.cache.handler``; empty outside of plugin folders."""
    pieces = name.split(".")
    if pieces[:2] != [PACKAGE, "plugins"] or len(pieces) < 3:
        return ""
    return pieces[2] if (root / PACKAGE / "plugins" / pieces[2]).is_dir() else ""


def arrows(module: Module) -> Iterator[tuple[int, str, str]]:
    """Line, name and part of every import from within the package."""
    for line, name in module.imports():
        if name == PACKAGE or name.startswith(PACKAGE + "."):
            yield line, name, part_of(name)


def wrong_arrows(root: Path = ROOT) -> list[str]:
    """Imports of a part that stands on the same level or above."""
    found = []
    for module in modules(root):
        source = part_of(module.name)
        for line, name, target in arrows(module):
            if target and target != source and RANKS.get(target, len(LAYERS)) >= RANKS.get(source, -1):
                found.append(f"{module.path}:{line}: {source or PACKAGE} must not import {name}")
    return found


def unranked_parts(root: Path = ROOT) -> list[str]:
    """Parts of the package that have no level yet."""
    return sorted({part_of(module.name) for module in modules(root)} - RANKS.keys() - {""})


def meddling_plugins(root: Path = ROOT) -> list[str]:
    """Plugins that import another plugin, and listeners that import any."""
    found = []
    for module in modules(root):
        own = plugin_of(module.name, root)
        is_listener = part_of(module.name) == "listeners"
        for line, name, target in arrows(module):
            if is_listener and target == "plugins":
                found.append(f"{module.path}:{line}: listeners get functions handed in, they do not import {name}")
            elif own and plugin_of(name, root) not in ("", own):
                found.append(f"{module.path}:{line}: the plugin {own} must not import {name}")
    return found


def impure_wire(root: Path = ROOT) -> list[str]:
    """Imports of resolver.wire that reach outside of the standard library, or out into the world."""
    found = []
    for module in modules(root):
        if part_of(module.name) != "wire":
            continue
        for line, name in module.imports():
            top = name.split(".")[0]
            if top != PACKAGE and (top not in sys.stdlib_module_names or top in OUTSIDE_WORLD):
                found.append(f"{module.path}:{line}: wire must not import {name}")
    return found


def test_imports_point_downwards() -> None:
    assert not (found := wrong_arrows()), "\n".join(found)


def test_every_part_has_a_level() -> None:
    assert unranked_parts() == []


def test_plugins_do_not_import_each_other() -> None:
    assert not (found := meddling_plugins()), "\n".join(found)


def test_wire_needs_only_the_pure_part_of_the_standard_library() -> None:
    assert not (found := impure_wire()), "\n".join(found)


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("wire/header.py", "from resolver.config import model"),
        ("wire/header.py", "from resolver import telemetry"),
        ("config/model.py", "import resolver.telemetry.logging"),
        ("config/model.py", "from resolver.plugins import order"),
        ("telemetry/__init__.py", "from ..config import model"),
        ("upstream/pool.py", "from resolver.replay.store import Store"),
        ("chain/builder.py", "def build():\n    from resolver.plugins.cache import Cache"),
        ("chain/builder.py", "if TYPE_CHECKING:\n    from ..zone import records"),
        ("errors.py", "from resolver.wire import header"),
        ("runtime/worker.py", "from resolver.cli.main import main"),
        ("plugins/__init__.py", "from resolver.listeners import udp"),
        ("__init__.py", "from resolver.mystery import thing"),
    ],
)
def test_an_arrow_upwards_or_sideways_is_found(tmp_path: Path, where: str, line: str) -> None:
    assert len(wrong_arrows(write_tree(tmp_path, {where: line}))) == 1


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("cli/main.py", "from resolver import __version__"),
        ("cli/main.py", "from resolver.runtime import worker"),
        ("wire/header.py", "from . import name\nfrom .name import Name\nfrom ..errors import WireError"),
        ("plugins/cache/handler.py", "from resolver.plugins.cache.settings import A\nfrom ...chain import B"),
        ("__main__.py", "from resolver.cli.main import main"),
    ],
)
def test_an_arrow_downwards_or_inwards_is_right(tmp_path: Path, where: str, line: str) -> None:
    assert wrong_arrows(write_tree(tmp_path, {where: line})) == []


def test_a_part_without_a_level_is_found(tmp_path: Path) -> None:
    assert unranked_parts(write_tree(tmp_path, {"mystery/thing.py": "", "wire/header.py": ""})) == ["mystery"]


def test_a_meddling_plugin_is_found(tmp_path: Path) -> None:
    files = {
        "plugins/order.py": "",
        "plugins/cache/__init__.py": "",
        "plugins/log/__init__.py": "from resolver.plugins.cache import handler\nfrom .. import order, log",
        "plugins/hosts/__init__.py": "from ..log import handler",
        "listeners/udp.py": "from resolver.plugins import order",
    }
    found = meddling_plugins(write_tree(tmp_path, files))
    assert [line.split(": ", 1)[1] for line in found] == [
        "listeners get functions handed in, they do not import resolver.plugins.order",
        "the plugin hosts must not import resolver.plugins.log.handler",
        "the plugin log must not import resolver.plugins.cache.handler",
    ]


def test_impure_wire_is_found(tmp_path: Path) -> None:
    text = "import struct\nimport time\nfrom os import path\nimport dns.message\nfrom resolver.errors import WireError"
    found = impure_wire(write_tree(tmp_path, {"wire/header.py": text, "cli/main.py": "import os"}))
    assert [line.rsplit(" ", 1)[1] for line in found] == ["time", "os.path", "dns.message"]
