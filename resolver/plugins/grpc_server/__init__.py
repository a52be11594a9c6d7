"""grpc_server: how many connections and calls the listeners of grpc:// server blocks hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from resolver.chain.capabilities import ListenSettings
from resolver.chain.plugin import Part
from resolver.chain.setup import Setup
from resolver.config.cursor import integer, no_args, option_values, value
from resolver.config.model import Directive

__all__ = ["GrpcServer", "setup"]

_MOST: Final = 1_000_000  # more than any process may have files


@dataclass(frozen=True, slots=True)
class Settings:
    """0 is no limit, None the listener's own."""

    connections: int | None = None
    streams: int | None = None


def setup(setup: Setup) -> GrpcServer:
    """The part. Raises ConfigError or ConfigErrors."""
    part = GrpcServer(parse(setup.only))
    if not any(key.text.lower().startswith("grpc://") for key in setup.block.keys):
        at = setup.only.name.at
        setup.host.log.warning(f"{at}: grpc_server limits nothing here, no zone is written with grpc://")
    return part


def parse(directive: Directive) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    options = {"max_connections": value(integer, 0, _MOST), "max_streams": value(integer, 0, _MOST)}
    values = option_values(directive, options)
    return Settings(values.get("max_connections"), values.get("max_streams"))


class GrpcServer(Part):
    """Puts its limits into the settings of the listeners."""

    name: ClassVar[str] = "grpc_server"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def listen(self, settings: ListenSettings) -> ListenSettings:
        """The settings with the limits."""
        own = self.settings
        connections = settings.grpc_connections if own.connections is None else own.connections
        streams = settings.grpc_streams if own.streams is None else own.streams
        return replace(settings, grpc_connections=connections, grpc_streams=streams)
