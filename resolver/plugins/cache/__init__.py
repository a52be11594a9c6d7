"""``cache``: keeps answers and serves them again. Stands in front of everything that answers."""

from __future__ import annotations

from resolver.chain.plugin import Part
from resolver.chain.setup import Setup
from resolver.plugins.cache.handler import Cache
from resolver.plugins.cache.settings import parse

__all__ = ["Cache", "setup"]


def setup(setup: Setup) -> Part:
    """The part for the block's ``cache`` line. Raises ConfigError or ConfigErrors."""
    return Cache(parse(setup), setup.block, setup.host)
