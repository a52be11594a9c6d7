"""whoami: tells a client its own address, port and transport, as this server sees them."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.cursor import no_args, no_block
from resolver.plugins.whoami.handler import Whoami

__all__ = ["Whoami", "setup"]


def setup(setup: Setup) -> Whoami:
    """The directive takes neither arguments nor a block. Raises ConfigError."""
    no_args(setup.only)
    no_block(setup.only)
    return Whoami()
