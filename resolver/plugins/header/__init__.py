"""header: sets and clears flags of queries and answers."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.header.handler import Header
from resolver.plugins.header.settings import parse

__all__ = ["Header", "setup"]


def setup(setup: Setup) -> Header:
    """One part for all ``header`` lines of the block, in their order. Raises ConfigError or ConfigErrors."""
    return Header([rule for directive in setup.directives for rule in parse(directive)])
