"""secondary: serves zones that it fetches from other servers."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.problems import Problems
from resolver.plugins.secondary.handler import Secondary
from resolver.plugins.secondary.settings import Settings, parse

__all__ = ["Secondary", "setup"]


def setup(setup: Setup) -> Secondary:
    """One part for all ``secondary`` directives of the block. Raises ConfigError or ConfigErrors."""
    problems = Problems()
    found: list[Settings] = []
    for directive in setup.directives:
        with problems:
            found.append(parse(directive, setup.block))
    problems.raise_any()
    return Secondary(tuple(found), setup.host)
