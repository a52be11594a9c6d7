"""Listeners for what is spoken over QUIC; its library is imported when a configuration asks for one."""

from __future__ import annotations

import socket
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from resolver.chain.capabilities import ListenSettings
from resolver.telemetry.metrics import Registry

if TYPE_CHECKING:
    from resolver.listeners.connection import Serve
    from resolver.listeners.quic import QuicListener

SCHEMES: Final = ("quic", "https3")
HINT: Final = "pip install 'k8s-resolver[quic]'"


def missing_library(scheme: str) -> str:
    """The library without which a scheme cannot be served; empty where nothing is missing."""
    return "aioquic" if scheme in SCHEMES and find_spec("aioquic") is None else ""


def make_listener(
    scheme: str, sock: socket.socket, settings: ListenSettings, answer: Serve, registry: Registry, label: str
) -> QuicListener:
    """The listener for a scheme on a bound UDP socket. Raises ResolverError for a certificate that cannot be used."""
    from resolver.listeners.quic import QuicListener
    from resolver.listeners.quic_metrics import doq_metrics, http3_metrics

    if scheme == "https3":
        from resolver.listeners.http3 import Http3Client

        return QuicListener(sock, settings, answer, kind=Http3Client, metrics=http3_metrics(registry, label))
    from resolver.listeners.quic_queries import DoqClient

    return QuicListener(sock, settings, answer, kind=DoqClient, metrics=doq_metrics(registry, label))
