"""loop: notices that forwarded queries come back to this server."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.loop.handler import Loop
from resolver.plugins.loop.settings import parse

__all__ = ["Loop", "setup"]


def setup(setup: Setup) -> Loop:
    """The plugin; it begins to ask when it starts. Raises ConfigError or ConfigErrors."""
    return Loop(parse(setup.only), setup.block, setup.host)
