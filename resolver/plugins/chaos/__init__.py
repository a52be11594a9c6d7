"""chaos: who this server is, in class CH."""

from __future__ import annotations

import socket

from resolver import __version__
from resolver.chain.setup import Setup
from resolver.config.cursor import args, no_block, text
from resolver.plugins.chaos.handler import Chaos

__all__ = ["Chaos", "setup"]

_PROJECT = "k8s-resolver"


def setup(setup: Setup) -> Chaos:
    """``chaos [VERSION] [AUTHORS...]``. Raises ConfigError."""
    directive = setup.only
    no_block(directive)
    words = [text(word) for word in args(directive, 0)]
    version = words[0] if words else f"{_PROJECT}-{__version__}"
    return Chaos(version, tuple(sorted(set(words[1:]))) or (_PROJECT,), socket.gethostname() or "localhost")
