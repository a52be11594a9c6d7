"""log: one line per query, in a format of the operator's choice."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.log.handler import QueryLog
from resolver.plugins.log.settings import parse

__all__ = ["QueryLog", "setup"]


def setup(setup: Setup) -> QueryLog:
    """One plugin for all ``log`` lines of the block. Raises ConfigError or ConfigErrors."""
    return QueryLog(tuple(rule for directive in setup.directives for rule in parse(directive)), setup.host)
