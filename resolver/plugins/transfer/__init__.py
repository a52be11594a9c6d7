"""transfer: hands zones on to other servers, and tells them when one changed."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.problems import Problems
from resolver.plugins.transfer.handler import Transfer
from resolver.plugins.transfer.settings import Stanza, parse

__all__ = ["Transfer", "setup"]


def setup(setup: Setup) -> Transfer:
    """One part for all ``transfer`` directives of the block. Raises ConfigError or ConfigErrors."""
    problems = Problems()
    stanzas: list[Stanza] = []
    for directive in setup.directives:
        with problems:
            stanzas.append(parse(directive, setup.block))
    problems.raise_any()
    return Transfer(tuple(stanzas), setup.block, setup.host)
