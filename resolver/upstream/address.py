"""Where an upstream is, and how it is spoken to."""

from __future__ import annotations

import os
import socket
import ssl
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from resolver.upstream.tls import reason

ENCRYPTED: Final = ("tls", "https", "https3", "quic")
SCHEMES: Final = ("dns", *ENCRYPTED)


@dataclass(frozen=True, slots=True)
class Address:
    """An upstream: IP address (an IPv6 one perhaps with ``%zone``), port, and one of ``SCHEMES``.

    ``server_name`` is the name in the certificate of an encrypted upstream, empty for the address itself. ``path`` and
    ``method`` (GET or POST) are what HTTP asks for; the path may hold a query string.
    """

    host: str
    port: int
    scheme: str = "dns"
    server_name: str = ""
    path: str = ""
    method: str = "POST"

    @property
    def encrypted(self) -> bool:
        """Whether nothing that is asked there can be read on the way."""
        return self.scheme != "dns"

    @property
    def certificate_name(self) -> str:
        """The name or address that the certificate must be for, without an IPv6 zone."""
        return self.server_name or self.host.partition("%")[0]

    def __str__(self) -> str:
        return shown((self.host, self.port))


@dataclass(frozen=True, slots=True)
class Limits:
    """How long connections and answers may take. Times are in seconds.

    ``expire`` is how long an unused socket is kept, ``max_age`` how long any (0: no limit), ``max_idle`` how many
    unused connections (0: no limit). ``source`` is the local address to send from, empty for the system's choice.
    ``random_case`` and ``cookies`` make answers over UDP harder to forge.
    """

    read_timeout: float = 2.0
    expire: float = 10.0
    max_age: float = 0.0
    max_idle: int = 0
    source: str = ""
    random_case: bool = False
    cookies: bool = False


def shown(name: tuple[Any, ...]) -> str:
    """Host and port of a socket's name as people write them."""
    host, port = name[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def reason_of(error: OSError) -> str:
    """The system's words for what went wrong, such as ``connection refused``, or those of TLS."""
    if isinstance(error, ssl.SSLError):  # its number is none of the system's
        return reason(error)
    return os.strerror(error.errno).lower() if error.errno else str(error).lower() or "connection lost"


def family(host: str) -> socket.AddressFamily:
    """IPv4 or IPv6, by the looks of the address."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def sockaddr(host: str, port: int) -> tuple[Any, ...]:
    """The address as sockets want it, with the scope of link-local addresses. Raises OSError."""
    if "%" not in host:
        return (host, port)
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return socket.getaddrinfo(host, port, socket.AF_INET6, socket.SOCK_DGRAM, flags=flags)[0][4]


def is_ip(text: str) -> bool:
    """Whether the text is an IP address, with or without an IPv6 zone."""
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
