"""autopath: walks the search path of a client for it, so that one question is enough."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.autopath.handler import Autopath
from resolver.plugins.autopath.settings import parse

__all__ = ["Autopath", "setup"]


def setup(setup: Setup) -> Autopath:
    """The plugin; its search path is found when it starts. Raises ConfigError."""
    return Autopath(parse(setup.only, setup.block), setup.block, setup.host)
