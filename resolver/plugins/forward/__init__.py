"""The directive ``forward``: queries go to other servers, and their answers come back."""

from __future__ import annotations

from resolver.chain.plugin import Part
from resolver.chain.setup import Setup
from resolver.plugins.forward.handler import Forward
from resolver.plugins.forward.settings import parse


def setup(setup: Setup) -> Part:
    """One part for all ``forward`` lines of the block. Raises ConfigError or ConfigErrors."""
    return Forward(parse(setup.directives, setup.block.root, setup.host.elsewhere), setup.host, setup.block)
