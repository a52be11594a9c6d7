"""ratelimit: how many queries a client may send a second."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.ratelimit.handler import RateLimit
from resolver.plugins.ratelimit.settings import parse

__all__ = ["RateLimit", "setup"]


def setup(setup: Setup) -> RateLimit:
    """The one ``ratelimit`` of a block. Raises ConfigError or ConfigErrors."""
    return RateLimit(parse(setup.only, setup.block), setup.block, setup.host)
