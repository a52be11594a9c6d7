"""acl: who may ask for what."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.problems import Problems
from resolver.plugins.acl.handler import Acl
from resolver.plugins.acl.settings import List, parse

__all__ = ["Acl", "setup"]


def setup(setup: Setup) -> Acl:
    """One part for all ``acl`` directives of the block, in their order. Raises ConfigError or ConfigErrors."""
    problems = Problems()
    lists: list[List] = []
    for directive in setup.directives:
        with problems:
            lists.append(parse(directive, setup.block.zones))
    problems.raise_any()
    return Acl(tuple(lists), setup.host)
