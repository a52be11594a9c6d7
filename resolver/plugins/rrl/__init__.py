"""rrl: how often clients of a network get the same kind of answer."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.rrl.handler import Rrl
from resolver.plugins.rrl.settings import parse

__all__ = ["Rrl", "setup"]


def setup(setup: Setup) -> Rrl:
    """The one ``rrl`` of a block. Raises ConfigError or ConfigErrors."""
    return Rrl(parse(setup.only, setup.block.zones), setup.block, setup.host)
