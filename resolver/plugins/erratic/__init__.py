"""erratic: answers that come late, cut or not at all, to try clients with."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.erratic.handler import Erratic
from resolver.plugins.erratic.settings import parse

__all__ = ["Erratic", "setup"]


def setup(setup: Setup) -> Erratic:
    """The plugin. Raises ConfigError or ConfigErrors."""
    return Erratic(parse(setup.only))
