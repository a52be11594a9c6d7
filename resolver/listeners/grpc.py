"""DNS over gRPC: calls of one method over HTTP/2, with TLS or in the clear; limited and timed like DNS over HTTPS."""

from __future__ import annotations

import socket
import ssl
from dataclasses import replace
from typing import ClassVar, Final

from resolver.chain.capabilities import ListenSettings
from resolver.listeners.connection import Serve
from resolver.listeners.doh import HttpsListener, WebMetrics
from resolver.listeners.exchange import Codec, Fields
from resolver.listeners.rpc import Rpc
from resolver.telemetry.metrics import Registry

PROTOCOLS: Final = ("h2",)
TRANSPORT: Final = "grpc"
_UNLIMITED: Final = 10_000  # calls under way where no limit is wanted: as many as the server works on at once


class GrpcMetrics(WebMetrics):
    """Calls are counted by the status code of gRPC, what is no call by the HTTP status."""

    def __init__(self, registry: Registry, server: str) -> None:
        name, told = "coredns_dns_grpc_responses_total", "Responses of DNS over gRPC, by status code."
        super().__init__(registry, server, TRANSPORT, registry.counter(name, told, ("server", "code")))


class GrpcListener(HttpsListener):
    """Serves calls on one listening socket.

    Of the settings, ``grpc_connections`` limits the connections and ``grpc_streams`` the calls under way on each.
    """

    protocol: ClassVar[str] = TRANSPORT

    def __init__(
        self,
        sock: socket.socket,
        settings: ListenSettings,
        serve: Serve,
        *,
        tls: ssl.SSLContext | None,
        metrics: GrpcMetrics,
    ) -> None:
        super().__init__(sock, settings, serve, tls=tls, metrics=metrics)
        self.dialect = Rpc()
        self.prepared = True  # in the clear too: the header of a proxy is taken off in one place
        self._limit()

    @staticmethod
    def own(settings: ListenSettings) -> ListenSettings:
        """The settings with the limits of this kind of listener."""
        return replace(settings, max_connections=settings.grpc_connections)

    def update(self, settings: ListenSettings | None = None, serve: Serve | None = None) -> None:
        super().update(settings, serve)
        self._limit()

    def codec(self, protocol: str | None) -> Codec:
        """HTTP/2, whatever was agreed upon: gRPC has nothing else."""
        return super().codec("h2")

    def dated(self) -> Fields:
        """Calls carry no date."""
        return ()

    def _limit(self) -> None:
        self.limits = replace(self.limits, in_flight=self.settings.grpc_streams or _UNLIMITED)
