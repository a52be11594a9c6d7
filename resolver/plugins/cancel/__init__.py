"""cancel: gives up on queries that take too long."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.cursor import args, duration, no_block
from resolver.plugins.cancel.handler import Cancel

__all__ = ["Cancel", "setup"]

# Clients of the C library give up after five seconds.
DEFAULT = 5.001


def setup(setup: Setup) -> Cancel:
    """``cancel [TIMEOUT]``. Raises ConfigError."""
    directive = setup.only
    no_block(directive)
    words = args(directive, 0, 1)
    timeout = duration(words[0]) if words else DEFAULT
    if timeout <= 0:
        raise words[0].error("the time must be longer than nothing")
    return Cancel(timeout, setup.host)
