"""gateway: host names of Ingresses, routes, Services and DNSEndpoints, answered with where they are reached."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.gateway.handler import Gateway
from resolver.plugins.gateway.settings import parse

__all__ = ["Gateway", "setup"]


def setup(setup: Setup) -> list[Gateway]:
    """A plugin for each line; the API is first asked when it starts. Raises ConfigError or ConfigErrors."""
    return [Gateway(parse(directive, setup.block), setup.host, setup.block) for directive in setup.directives]
