"""Two instances on one port, of which one leaves."""

from __future__ import annotations

import socket

import pytest

from resolver.listeners.sockets import has_ipv6, leave, open_udp

CLIENTS = 60


def asked(host: str, port: int) -> None:
    """Datagrams from many ports, which the kernel spreads over the sockets of the address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(CLIENTS):
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.sendto(b"?", (host, port))


def waiting(sock: socket.socket) -> int:
    count = 0
    try:
        while sock.recv(16):
            count += 1
    except BlockingIOError:
        return count
    return count


@pytest.mark.parametrize(("bound", "host"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::1", "::1")])
def test_a_socket_that_leaves_gets_no_more_and_keeps_what_waits(bound: str, host: str) -> None:
    if ":" in bound and not has_ipv6():
        pytest.skip("no IPv6 here")
    with open_udp(bound, 0) as old:
        port = old.getsockname()[1]
        with open_udp(bound, port) as new:
            asked(host, port)
            leave(old)
            asked(host, port)
            kept = waiting(old)
            assert 0 < kept < CLIENTS
            assert waiting(new) == 2 * CLIENTS - kept


def test_answers_still_leave_through_it() -> None:
    with open_udp("127.0.0.1", 0) as old, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind(("127.0.0.1", 0))
        client.settimeout(2.0)
        leave(old)
        old.sendto(b"!", client.getsockname())
        assert client.recvfrom(16) == (b"!", old.getsockname())
