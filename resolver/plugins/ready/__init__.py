"""ready: tells over HTTP whether everything in its server block can serve."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.ready.handler import Readiness
from resolver.plugins.ready.settings import parse

__all__ = ["Readiness", "setup"]


def setup(setup: Setup) -> Readiness:
    """The directive may stand once per block. Raises ConfigError."""
    return Readiness(parse(setup.only), setup.block, setup.host)
