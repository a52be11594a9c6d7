"""grpc_server: how many connections and calls the listeners of grpc:// server blocks hold."""

from __future__ import annotations

from typing import ClassVar, Final

from resolver.chain.limits import Limit, Limits, read_limits
from resolver.chain.setup import Setup

__all__ = ["GrpcServer", "setup"]

_OPTIONS: Final = {
    "max_connections": Limit("grpc_connections"),
    "max_streams": Limit("grpc_streams"),
}


class GrpcServer(Limits):
    """The limits of grpc://."""

    name: ClassVar[str] = "grpc_server"


def setup(setup: Setup) -> GrpcServer:
    """The part. Raises ConfigError or ConfigErrors."""
    return GrpcServer(read_limits(setup, "grpc", _OPTIONS))
