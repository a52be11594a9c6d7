"""bind: the addresses on which a server block listens."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.bind.handler import Bind
from resolver.plugins.bind.settings import parse

__all__ = ["Bind", "setup"]


def setup(setup: Setup) -> Bind:
    """One part for all ``bind`` lines of the block. Raises ConfigError or ConfigErrors."""
    return Bind(tuple(dict.fromkeys(address for directive in setup.directives for address in parse(directive))))
