"""cookies: DNS Cookies for clients, so that they can show that their address is theirs."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.cookies.handler import Cookies
from resolver.plugins.cookies.settings import parse

__all__ = ["Cookies", "setup"]


def setup(setup: Setup) -> Cookies:
    """The one ``cookies`` of a block. Raises ConfigError or ConfigErrors."""
    return Cookies(parse(setup.only, setup.block.root), setup.host)
