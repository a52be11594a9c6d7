"""template: answers made from the question by templates that the operator writes."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.template.handler import Templates
from resolver.plugins.template.settings import parse

__all__ = ["Templates", "setup"]


def setup(setup: Setup) -> Templates:
    """One plugin for all templates of the block, tried in file order. Raises ConfigError or ConfigErrors."""
    return Templates(parse(setup.directives, setup.block), setup.host)
