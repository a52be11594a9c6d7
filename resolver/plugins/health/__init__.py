"""health: tells over HTTP that the process lives, and keeps serving for a while after it was told to stop."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.health.handler import Health
from resolver.plugins.health.settings import parse

__all__ = ["Health", "setup"]


def setup(setup: Setup) -> Health:
    """The directive may stand once per block. Raises ConfigError."""
    return Health(parse(setup.only), setup.host)
