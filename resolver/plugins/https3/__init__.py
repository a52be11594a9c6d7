"""https3: what the listeners of https3:// server blocks hold."""

from __future__ import annotations

from typing import ClassVar, Final

from resolver.chain.limits import MOST_STREAMS, Limit, Limits, read_limits
from resolver.chain.setup import Setup

__all__ = ["Https3", "setup"]

_LIBRARY_STREAMS: Final = 100  # what 0 means: the number that QUIC libraries begin with
_OPTIONS: Final = {
    "max_streams": Limit("https3_streams", 0, MOST_STREAMS),
    "max_connections": Limit("https3_connections"),
}


class Https3(Limits):
    """The limits of https3://."""

    name: ClassVar[str] = "https3"


def setup(setup: Setup) -> Https3:
    """The part. Raises ConfigError or ConfigErrors."""
    limits = read_limits(setup, "https3", _OPTIONS)
    if limits.get("https3_streams") == 0:
        limits["https3_streams"] = _LIBRARY_STREAMS
    return Https3(limits)
