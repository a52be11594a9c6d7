"""tls: the certificate with which a server block's encrypted listeners serve."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.tls.part import Tls
from resolver.plugins.tls.settings import parse

__all__ = ["Tls", "setup"]


def setup(setup: Setup) -> Tls:
    """The part; its files are read here, so that mistakes show before anything is served. Raises ConfigError."""
    return Tls(parse(setup.only, setup.block.root), setup.only.args[0], setup.host)
