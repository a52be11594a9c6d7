"""ecs: what of clients' subnets upstreams are told (RFC 7871)."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.ecs.handler import Ecs
from resolver.plugins.ecs.settings import parse

__all__ = ["Ecs", "setup"]


def setup(setup: Setup) -> Ecs:
    """The one ``ecs`` of a block. Raises ConfigError or ConfigErrors."""
    return Ecs(parse(setup.only), setup.host)
