"""identity: which Pod a client's address belongs to, for the directives that decide by it or write it down."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.identity.handler import Identities
from resolver.plugins.identity.settings import parse

__all__ = ["Identities", "setup"]


def setup(setup: Setup) -> Identities:
    """The part that knows; the API is first asked when it starts. Raises ConfigError or ConfigErrors."""
    return Identities(parse(setup.only, setup.block, setup.host), setup.host)
