"""view: which queries a server block takes, beside those of its zones."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.view.settings import parse
from resolver.plugins.view.view import View

__all__ = ["View", "setup"]


def setup(setup: Setup) -> View:
    """``view NAME { expr EXPRESSION }``. Raises ConfigError or ConfigErrors."""
    name, expressions = parse(setup.only)
    return View(name, expressions, setup.block, setup.host)
