"""egress_set: opens a firewall for exactly those addresses that clients were told."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.egress_set.handler import EgressSet
from resolver.plugins.egress_set.settings import parse

__all__ = ["EgressSet", "setup"]


def setup(setup: Setup) -> EgressSet:
    """The one ``egress_set`` of a block. Raises ConfigError or ConfigErrors."""
    return EgressSet(parse(setup.only, setup.block.zones), setup.block, setup.host)
