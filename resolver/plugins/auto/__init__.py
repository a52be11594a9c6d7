"""auto: answers for zones from master files that are found in a directory."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.auto.handler import Auto
from resolver.plugins.auto.settings import parse

__all__ = ["Auto", "setup"]


def setup(setup: Setup) -> Auto:
    """The plugin; the directory is read when it starts. Raises ConfigError or ConfigErrors."""
    return Auto(parse(setup.only, setup.block), setup.host)
