"""loadbalance: changes the order of addresses, so that clients spread over them."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.loadbalance.handler import LoadBalance
from resolver.plugins.loadbalance.settings import parse

__all__ = ["LoadBalance", "setup"]


def setup(setup: Setup) -> LoadBalance:
    """The plugin; a file of weights is read when it starts. Raises ConfigError or ConfigErrors."""
    return LoadBalance(parse(setup.only, setup.block), setup.host)
