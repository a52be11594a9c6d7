"""minimal: answers without what nobody asked for."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.cursor import no_args, no_block
from resolver.plugins.minimal.handler import Minimal

__all__ = ["Minimal", "setup"]


def setup(setup: Setup) -> Minimal:
    """The directive takes neither arguments nor a block. Raises ConfigError."""
    no_args(setup.only)
    no_block(setup.only)
    return Minimal()
