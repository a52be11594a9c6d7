"""filter_aaaa: names without IPv6 addresses, for clients that cannot reach such."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.filter_aaaa.handler import FilterAaaa
from resolver.plugins.filter_aaaa.settings import parse

__all__ = ["FilterAaaa", "setup"]


def setup(setup: Setup) -> FilterAaaa:
    """The one ``filter_aaaa`` of a block. Raises ConfigError or ConfigErrors."""
    return FilterAaaa(parse(setup.only, setup.block.zones), setup.host)
