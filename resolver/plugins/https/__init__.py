"""https: how many connections the listeners of https:// server blocks hold."""

from __future__ import annotations

from typing import ClassVar, Final

from resolver.chain.limits import Limit, Limits, read_limits
from resolver.chain.setup import Setup

__all__ = ["Https", "setup"]

_OPTIONS: Final = {
    "max_connections": Limit("https_connections"),
}


class Https(Limits):
    """The limits of https://."""

    name: ClassVar[str] = "https"


def setup(setup: Setup) -> Https:
    """The part. Raises ConfigError or ConfigErrors."""
    return Https(read_limits(setup, "https", _OPTIONS))
