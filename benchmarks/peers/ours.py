"""This server, from the tree that the suite stands in."""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks.peers.base import Peer, Setup
from benchmarks.peers.corefile import corefile

_ROOT = Path(__file__).resolve().parents[2]


def command(setup: Setup, text: str = "") -> list[str]:
    """``text`` is another Corefile than that of the suite."""
    path = setup.write("Corefile", text or corefile(setup))
    words = [sys.executable, "-m", "resolver", "-conf", str(path)]
    return words + (["--workers", str(setup.workers)] if setup.workers > 1 else [])


PEER = Peer(
    name="ours",
    program=sys.executable,
    command=command,
    ask_version=("-m", "resolver", "-version"),
    has_stub_zones=True,
    has_workers=True,
    environment={"PYTHONPATH": str(_ROOT)},
)
