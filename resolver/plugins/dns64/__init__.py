"""dns64: IPv6 addresses for hosts that have none, for networks with a NAT64."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.dns64.handler import Dns64
from resolver.plugins.dns64.settings import parse

__all__ = ["Dns64", "setup"]


def setup(setup: Setup) -> Dns64:
    """The plugin. Raises ConfigError or ConfigErrors."""
    return Dns64(parse(setup.only), setup.host)
