"""Which sockets an endpoint needs, and who opens them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Final

from resolver.listeners.sockets import has_ipv6, open_tcp, open_udp

SocketKey = tuple[str, str, int]
OpenSocket = Callable[[str, str, int], socket.socket]


_KINDS: Final = {"dns": ("udp", "tcp"), "quic": ("udp",), "https3": ("udp",)}


def open_socket(kind: str, host: str, port: int) -> socket.socket:
    """A ``udp`` or ``tcp`` socket at an address. Raises ResolverError with one clear line."""
    return open_udp(host, port) if kind == "udp" else open_tcp(host, port)


def hosts_of(host: str) -> tuple[str, ...]:
    """The addresses to bind for an endpoint: all of both families where none is named."""
    if host:
        return (host,)
    return ("0.0.0.0", "::") if has_ipv6() else ("0.0.0.0",)


def kinds_of(scheme: str) -> tuple[str, ...]:
    """The kinds of sockets that a scheme is spoken over."""
    return _KINDS.get(scheme, ("tcp",))


def socket_keys(scheme: str, host: str, port: int) -> list[SocketKey]:
    """The sockets of an endpoint: its scheme, address and port."""
    return [(kind, bound, port) for bound in hosts_of(host) for kind in kinds_of(scheme)]
