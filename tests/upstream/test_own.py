"""Whether an address is our own."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from resolver.upstream.address import Address
from resolver.upstream.own import is_own


@pytest.fixture(params=["127.0.0.1", "::1", "0.0.0.0", "::"])
def listener(request: pytest.FixtureRequest) -> socket.socket:
    host: str = request.param
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        sock.bind((host, 0))
    except OSError:
        sock.close()
        pytest.skip("no IPv6 here")
    return sock


def test_where_one_of_our_sockets_listens_is_our_own(listener: socket.socket) -> None:
    with listener:
        host, port = listener.getsockname()[:2]
        loopback = "::1" if ":" in host else "127.0.0.1"
        assert is_own(Address(loopback, port))
        assert not is_own(Address(loopback, port % 65_535 + 1))
        assert not is_own(Address("192.0.2.1", port))
    assert not is_own(Address(loopback, port))


def test_another_address_of_the_machine_is_not_our_own() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        assert not is_own(Address("127.0.0.2", port))


def test_a_socket_that_asks_somebody_is_not_one_that_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", 9))
        host, port = sock.getsockname()
        assert not is_own(Address(host, port))


def test_where_the_system_does_not_tell_nothing_is_our_own(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        assert not is_own(Address("127.0.0.1", sock.getsockname()[1]), tmp_path)
