"""quic: what the listeners of quic:// server blocks hold and work on at once."""

from __future__ import annotations

from typing import ClassVar, Final

from resolver.chain.limits import MOST_STREAMS, Limit, Limits, read_limits
from resolver.chain.setup import Setup

__all__ = ["Quic", "setup"]

_OPTIONS: Final = {
    "max_streams": Limit("quic_streams", 1, MOST_STREAMS),
    "worker_pool_size": Limit("quic_workers", 1),
    "max_connections": Limit("quic_connections"),
}


class Quic(Limits):
    """The limits of quic://."""

    name: ClassVar[str] = "quic"


def setup(setup: Setup) -> Quic:
    """The part. Raises ConfigError or ConfigErrors."""
    return Quic(read_limits(setup, "quic", _OPTIONS))
