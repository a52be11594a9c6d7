"""tsig: verifies signed messages, signs the answers, and refuses what has to be signed and is not."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.tsig.handler import Tsig
from resolver.plugins.tsig.settings import Settings, parse

__all__ = ["Settings", "Tsig", "setup"]


def setup(setup: Setup) -> Tsig:
    """One part. Raises ConfigError or ConfigErrors."""
    return Tsig(parse(setup.only, setup.block), setup.host)
