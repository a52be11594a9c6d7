"""searchpath: external names behind a search suffix of the cluster are answered, or denied, with one question."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.searchpath.handler import Stopper
from resolver.plugins.searchpath.settings import parse

__all__ = ["Stopper", "setup"]


def setup(setup: Setup) -> Stopper:
    """The plugin; it looks at the system's search path when it starts. Raises ConfigError or ConfigErrors."""
    return Stopper(parse(setup.only, setup.block), setup.block, setup.host)
