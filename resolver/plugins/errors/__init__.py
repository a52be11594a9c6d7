"""errors: says in the log why queries failed."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.errors.handler import Errors
from resolver.plugins.errors.settings import parse

__all__ = ["Errors", "setup"]


def setup(setup: Setup) -> Errors:
    """The plugin. Raises ConfigError or ConfigErrors."""
    return Errors(parse(setup.only), setup.host)
