"""ready: tells over HTTP whether everything in its server block can serve."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.ready.handler import ReadyEndpoint
from resolver.plugins.ready.settings import parse

__all__ = ["ReadyEndpoint", "setup"]


def setup(setup: Setup) -> ReadyEndpoint:
    """The directive may stand once per block. Raises ConfigError."""
    return ReadyEndpoint(parse(setup.only), setup.block, setup.host)
