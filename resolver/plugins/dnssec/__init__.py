"""dnssec: signatures made while answering, and signed denials."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.dnssec.handler import Dnssec
from resolver.plugins.dnssec.settings import parse

__all__ = ["Dnssec", "setup"]


def setup(setup: Setup) -> Dnssec:
    """The plugin. Raises ConfigError or ConfigErrors."""
    return Dnssec(parse(setup.only, setup.block), setup.host)
