"""rewrite: other names, types, classes and options in questions, and other names, TTLs and codes in answers."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.problems import Problems
from resolver.plugins.rewrite.handler import Rewrite
from resolver.plugins.rewrite.rules import Rule
from resolver.plugins.rewrite.settings import parse

__all__ = ["Rewrite", "setup"]


def setup(setup: Setup) -> Rewrite:
    """One part for all ``rewrite`` lines of the block, in their order. Raises ConfigError or ConfigErrors."""
    rules, warnings, problems = list[Rule](), list[str](), Problems()
    for directive in setup.directives:
        with problems:
            rule, odd = parse(directive)
            rules.append(rule)
            warnings += odd
    problems.raise_any()
    return Rewrite(rules, warnings, setup.host)
