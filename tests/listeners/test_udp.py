"""UDP answers leave from the address that was asked, at once or later, in batches or singly."""

from __future__ import annotations

import asyncio
import fcntl
import resource
import socket
import time
from collections.abc import AsyncIterator, Callable

import pytest

from resolver.listeners import batch
from resolver.listeners.sockets import has_ipv6, open_udp
from resolver.listeners.udp import UdpListener
from resolver.replay.store import Store
from tests.support.canned import canned

Address = tuple[str, int]
pytestmark = pytest.mark.parametrize("batched", [True, False] if batch.AVAILABLE else [False])
needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6 loopback")


class Service:
    """Answers ``later...`` with the help of ``send`` after a turn of the loop, everything else at once."""

    def __init__(self) -> None:
        self.seen: list[tuple[bytes, tuple[str, int], tuple[str, int]]] = []

    def serve(
        self, packet: bytes, client: Address, local: Address, transport: str, send: Callable[[bytes], None],
        store: Store | None,
    ) -> bytes | None:  # fmt: skip
        self.seen.append((packet, client, local))
        if packet.startswith(b"drop"):
            return b""
        if packet.startswith(b"later"):
            asyncio.get_running_loop().call_soon(send, packet + b" answered")
            return None
        return packet + b" answered"


@pytest.fixture
async def listening() -> AsyncIterator[Callable[..., tuple[UdpListener, Service]]]:
    opened: list[UdpListener] = []

    def listen(
        host: str, batched: bool, replay: Callable[[bytes], bytes | None] = lambda packet: None
    ) -> tuple[UdpListener, Service]:
        service = Service()
        listener = UdpListener(open_udp(host, 0), service.serve, canned(replay), time.monotonic, batched=batched)
        listener.start()
        opened.append(listener)
        return listener, service

    yield listen
    for listener in opened:
        listener.close()


async def ask(host: str, port: int, *packets: bytes) -> list[tuple[bytes, str]]:
    """The answers, in order of arrival, and the address that each came from."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        for packet in packets:
            sock.sendto(packet, (host, port))
        answers = []
        async with asyncio.timeout(5):
            for _ in packets:
                octets, sender = await loop.sock_recvfrom(sock, 65535)
                answers.append((octets, sender[0]))
        return answers


async def test_answers_at_once_and_later(listening: Callable[..., tuple[UdpListener, Service]], batched: bool) -> None:
    listener, service = listening("127.0.0.1", batched)
    answers = await ask("127.0.0.1", listener.local[1], b"now", b"later")
    assert sorted(answers) == [(b"later answered", "127.0.0.1"), (b"now answered", "127.0.0.1")]
    assert {local for _, _, local in service.seen} == {listener.local}


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "127.1.2.3"])
@pytest.mark.parametrize("packet", [b"now", b"later"])
async def test_a_wildcard_socket_answers_from_the_address_that_was_asked(
    listening: Callable[..., tuple[UdpListener, Service]], batched: bool, address: str, packet: bytes
) -> None:
    listener, service = listening("0.0.0.0", batched)
    assert await ask(address, listener.local[1], packet) == [(packet + b" answered", address)]
    assert service.seen[0][2] == (address, listener.local[1])


@needs_ipv6
@pytest.mark.parametrize("packet", [b"now", b"later"])
async def test_a_wildcard_socket_of_ipv6_answers_too(
    listening: Callable[..., tuple[UdpListener, Service]], batched: bool, packet: bytes
) -> None:
    listener, service = listening("::", batched)
    assert await ask("::1", listener.local[1], packet) == [(packet + b" answered", "::1")]
    assert service.seen[0][1][0] == "::1"
    assert service.seen[0][2] == ("::1", listener.local[1])


@pytest.mark.parametrize("size", [4096, 4097, 60_000])
async def test_answers_of_any_size_leave(
    listening: Callable[..., tuple[UdpListener, Service]], batched: bool, size: int
) -> None:
    listener, _ = listening("0.0.0.0", batched, lambda packet: bytes(size))
    assert await ask("127.0.0.3", listener.local[1], b"big") == [(bytes(size), "127.0.0.3")]


async def test_more_datagrams_than_a_batch_has_slots_are_all_answered(
    listening: Callable[..., tuple[UdpListener, Service]], batched: bool
) -> None:
    listener, _ = listening("127.0.0.1", batched)
    packets = [b"query %03d" % number for number in range(300)]
    answers = await ask("127.0.0.1", listener.local[1], *packets)
    assert sorted(octets for octets, _ in answers) == [packet + b" answered" for packet in packets]


async def test_dropped_queries_do_not_shift_the_answers_of_others(
    listening: Callable[..., tuple[UdpListener, Service]], batched: bool
) -> None:
    listener, _ = listening("127.0.0.1", batched)
    loop = asyncio.get_running_loop()
    clients = []
    for packet in (b"drop 1", b"a", b"later b", b"drop 2", b"c"):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.sendto(packet, listener.local)
        clients.append((packet, sock))
    async with asyncio.timeout(5):
        for packet, sock in clients:
            if not packet.startswith(b"drop"):
                assert await loop.sock_recv(sock, 100) == packet + b" answered"
    for _, sock in clients:
        sock.close()


async def test_a_replayed_answer_does_not_reach_the_service(
    listening: Callable[..., tuple[UdpListener, Service]], batched: bool
) -> None:
    listener, service = listening("127.0.0.1", batched, lambda packet: b"replayed")
    assert await ask("127.0.0.1", listener.local[1], b"x") == [(b"replayed", "127.0.0.1")]
    assert service.seen == []


async def test_draining_serves_what_the_kernel_holds(
    listening: Callable[..., tuple[UdpListener, Service]], batched: bool
) -> None:
    listener, service = listening("127.0.0.1", batched)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(200):
            sock.sendto(b"%d" % number, listener.local)
        listener.drain()
        listener.stop()
    assert len(service.seen) == 200


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_NOFILE)[0] <= 1500, reason="so many files may not be open")
async def test_a_socket_with_a_high_number_is_drained_too(batched: bool) -> None:
    service = Service()
    with open_udp("127.0.0.1", 0) as low:
        high = socket.socket(fileno=fcntl.fcntl(low, fcntl.F_DUPFD_CLOEXEC, 1500))
    high.setblocking(False)
    listener = UdpListener(high, service.serve, canned(), time.monotonic, batched=batched)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.sendto(b"hello", listener.local)
        listener.drain()
    listener.close()
    assert [packet for packet, _, _ in service.seen] == [b"hello"]
