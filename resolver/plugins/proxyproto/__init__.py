"""proxyproto: the address of the client, as a proxy in front of the server tells it."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.proxyproto.proxyproto import ProxyProto
from resolver.plugins.proxyproto.settings import parse

__all__ = ["ProxyProto", "setup"]


def setup(setup: Setup) -> ProxyProto:
    """The part. Raises ConfigError or ConfigErrors."""
    return ProxyProto(parse(setup.only, setup.block), setup.host)
