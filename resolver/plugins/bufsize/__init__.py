"""bufsize: an upper limit for the UDP size that clients announce."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.cursor import args, integer, no_block
from resolver.plugins.bufsize.handler import BufSize

__all__ = ["BufSize", "setup"]

# What crosses any network unfragmented (DNS flag day 2020).
DEFAULT = 1232


def setup(setup: Setup) -> BufSize:
    """``bufsize [SIZE]``. Raises ConfigError."""
    directive = setup.only
    no_block(directive)
    words = args(directive, 0, 1)
    return BufSize(integer(words[0], 512, 4096) if words else DEFAULT)
