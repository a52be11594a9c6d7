"""Opening the sockets that queries come in by."""

from __future__ import annotations

import errno
import socket

from resolver.errors import ResolverError

_RECEIVE_BUFFER = 4 << 20  # octets; bursts wait here while Python works (the kernel caps it at rmem_max)
_BACKLOG = 1024
_WILDCARDS = ("0.0.0.0", "::")
_NOBODY = {socket.AF_INET: ("127.0.0.1", 9), socket.AF_INET6: ("::1", 9)}  # the discard service, which is not asked


def open_udp(host: str, port: int) -> socket.socket:
    """A bound, non-blocking UDP socket. Raises ResolverError with one clear line."""
    sock = _bound(host, port, socket.SOCK_DGRAM)
    for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        sock.setsockopt(socket.SOL_SOCKET, option, _RECEIVE_BUFFER)
    return sock


def open_tcp(host: str, port: int) -> socket.socket:
    """A listening, non-blocking TCP socket. Raises ResolverError with one clear line."""
    sock = _bound(host, port, socket.SOCK_STREAM)
    sock.listen(_BACKLOG)
    return sock


def leave(sock: socket.socket) -> None:
    """Have the kernel give new datagrams to other sockets of the same address; those that wait here stay.

    A connected socket takes datagrams only from its peer, and answers to others still leave through it. Without this,
    an instance that ends would lose what comes between its last look and its end, while its successor is idle.
    """
    if sock.type == socket.SOCK_DGRAM:
        try:
            sock.connect(sock.getsockname()[:2] if sock.getsockname()[0] not in _WILDCARDS else _NOBODY[sock.family])
        except OSError:
            return  # the way there is gone with the address


def has_ipv6() -> bool:
    """Whether this machine can bind IPv6 sockets."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _bound(host: str, port: int, kind: socket.SocketKind) -> socket.socket:
    what = "udp" if kind == socket.SOCK_DGRAM else "tcp"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST)[0]
        sock = socket.socket(family, kind)
    except OSError as error:
        raise ResolverError(f"cannot listen on {what} {_shown(host, port)}: {error.strerror or error}") from None
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Workers, and an old and a new instance during an upgrade, share the port.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
    except OSError as error:
        sock.close()
        raise ResolverError(f"cannot listen on {what} {_shown(host, port)}: {_reason(error, port)}") from None
    return sock


def _shown(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _reason(error: OSError, port: int) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return (
            f"no right to use port {port}; run with CAP_NET_BIND_SERVICE, lower net.ipv4.ip_unprivileged_port_start, "
            "or choose a port above 1023 with -dns.port"
        )
    if error.errno == errno.EADDRINUSE:
        return "the port is in use by another program"
    if error.errno == errno.EADDRNOTAVAIL:
        return "cannot assign requested address: this machine does not have it"
    return error.strerror or str(error)
