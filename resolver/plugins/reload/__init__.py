"""reload: the configuration is watched, and a changed one takes over without a restart."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.reload.handler import Reload
from resolver.plugins.reload.settings import parse

__all__ = ["Reload", "setup"]


def setup(setup: Setup) -> Reload:
    """The directive may stand once per block. Raises ConfigError."""
    return Reload(parse(setup.only))
