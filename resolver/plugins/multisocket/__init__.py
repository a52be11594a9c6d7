"""multisocket: several sockets on one port, among which the kernel spreads the queries."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import ClassVar

from resolver.chain.capabilities import ListenSettings
from resolver.chain.plugin import Part
from resolver.chain.setup import Setup
from resolver.config.cursor import args, integer, no_block

__all__ = ["MultiSocket", "setup"]

MOST = 1024


def setup(setup: Setup) -> MultiSocket:
    """The part. Raises ConfigError."""
    directive = setup.only
    no_block(directive)
    words = args(directive, 0, 1)
    return MultiSocket(integer(words[0], 1, MOST) if words else usable_processors())


def usable_processors() -> int:
    """How many processors this process may run on, at most what the directive allows."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, MOST)


class MultiSocket(Part):
    """Asks the listeners for a number of sockets."""

    name: ClassVar[str] = "multisocket"

    def __init__(self, sockets: int) -> None:
        self.sockets = sockets

    def listen(self, settings: ListenSettings) -> ListenSettings:
        return replace(settings, sockets=self.sockets)
