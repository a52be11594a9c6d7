"""any: one small record in answer to ANY."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.cursor import no_args, no_block
from resolver.plugins.any.handler import AnyType

__all__ = ["AnyType", "setup"]


def setup(setup: Setup) -> AnyType:
    """The directive takes neither arguments nor a block. Raises ConfigError."""
    no_args(setup.only)
    no_block(setup.only)
    return AnyType()
