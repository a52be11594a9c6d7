"""PROXY headers are taken off datagrams and connections, and count only from whom they should."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from resolver.chain.capabilities import ListenSettings
from resolver.chain.proxied import IGNORE, REJECT, SKIP, USE, ProxyPolicy
from resolver.listeners import batch
from resolver.listeners.proxied import Unwrapper
from resolver.listeners.sockets import open_udp
from resolver.listeners.udp import UdpListener
from resolver.replay.store import Store
from resolver.wire.framing import frame
from resolver.wire.proxy import SIGNATURE
from tests.listeners.streams import PATIENT, Client, Server, Service, message
from tests.support.canned import canned

Address = tuple[str, int]
PEER: Address = ("10.0.0.1", 999)
CLIENT: Address = ("192.0.2.7", 4711)
BODY = bytes([192, 0, 2, 7, 10, 0, 0, 1]) + (4711).to_bytes(2, "big") + b"\0\x35"
UDP = SIGNATURE + b"\x21\x12\0\x0c" + BODY
STREAM = SIGNATURE + b"\x21\x11\0\x0c" + BODY
LOCAL = SIGNATURE + b"\x20\0\0\0"
LINE = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 53\r\n"


def unwrapper(decision: str, track: float = 0.0, sessions: int = 10) -> tuple[Unwrapper, list[str]]:
    dropped: list[str] = []
    return Unwrapper(ProxyPolicy(lambda host: decision, track, sessions), dropped.append), dropped


@pytest.mark.parametrize(
    ("decision", "packet", "result"),
    [
        (USE, UDP + b"query", (b"query", CLIENT)), (USE, b"query", (b"query", PEER)), (USE, LOCAL + b"q", (b"q", PEER)),
        (IGNORE, UDP + b"query", (b"query", PEER)), (IGNORE, b"query", (b"query", PEER)),
        (REJECT, UDP + b"query", "rejected"), (REJECT, b"query", (b"query", PEER)),
        (SKIP, UDP + b"query", (UDP + b"query", PEER)), (SKIP, b"query", (b"query", PEER)),
        (USE, UDP[:-1], "malformed"), (USE, LINE + b"query", "malformed"), (IGNORE, STREAM + b"query", "malformed"),
    ],
)  # fmt: skip
def test_a_datagram_is_unwrapped_as_decided(decision: str, packet: bytes, result: tuple[bytes, Address] | str) -> None:
    one, dropped = unwrapper(decision)
    found = one.unwrap(packet, PEER, 0.0)
    assert (dropped[0] if found is None else found) == result


def test_a_session_lasts_as_long_as_it_is_used() -> None:
    one, dropped = unwrapper(USE, track=10.0)
    assert one.unwrap(UDP, PEER, 0.0) is None
    assert not dropped
    assert one.unwrap(b"query", PEER, 9.0) == (b"query", CLIENT)
    assert one.unwrap(b"query", PEER, 18.0) == (b"query", CLIENT)
    assert one.unwrap(b"query", ("10.0.0.1", 998), 18.0) == (b"query", ("10.0.0.1", 998))
    assert one.unwrap(b"query", PEER, 28.0) == (b"query", PEER)


def test_sessions_are_bounded_and_the_oldest_makes_room() -> None:
    one, _ = unwrapper(USE, track=10.0, sessions=2)
    for port in (1, 2):
        one.unwrap(UDP, ("10.0.0.1", port), 0.0)
    one.unwrap(b"query", ("10.0.0.1", 1), 1.0)
    one.unwrap(UDP, ("10.0.0.1", 3), 2.0)
    clients = [one.unwrap(b"query", ("10.0.0.1", port), 3.0) for port in (1, 2, 3)]
    assert [found is not None and found[1] == CLIENT for found in clients] == [True, False, True]


def test_without_sessions_nothing_is_remembered() -> None:
    one, _ = unwrapper(USE)
    assert one.unwrap(UDP, PEER, 0.0) == (b"", CLIENT)
    assert one.unwrap(b"query", PEER, 0.0) == (b"query", PEER)


# --- UDP


@pytest.mark.parametrize("batched", [True, False] if batch.AVAILABLE else [False])
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
async def test_the_client_is_known_and_the_proxy_gets_the_answer(batched: bool, host: str) -> None:
    seen: list[Address] = []

    def serve(
        packet: bytes,
        client: Address,
        local: Address,
        transport: str,
        send: Callable[[bytes], None],
        store: Store | None,
    ) -> bytes | None:
        seen.append(client)
        if packet == b"later":
            asyncio.get_running_loop().call_soon(send, b"late")
            return None
        return b"answer to " + packet

    def replay(packet: bytes) -> bytes | None:
        return b"replayed" if packet == b"again" else None

    dropped: list[str] = []
    listener = UdpListener(open_udp(host, 0), serve, canned(replay), time.monotonic, batched=batched)
    listener.update(ProxyPolicy(lambda host: USE), dropped.append)
    listener.start()
    loop = asyncio.get_running_loop()
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as proxy:
            proxy.setblocking(False)
            proxy.connect(("127.0.0.1", listener.local[1]))
            own = proxy.getsockname()
            answers = []
            for packet in (UDP + b"query", UDP + b"again", UDP + b"later", b"query", b"again"):
                proxy.send(packet)
                answers.append(await asyncio.wait_for(loop.sock_recv(proxy, 4096), 5))
            proxy.send(LINE + b"query")
            listener.update(None, dropped.append)
            proxy.send(b"end")
            while (await asyncio.wait_for(loop.sock_recv(proxy, 4096), 5)) != b"answer to end":
                pass
    finally:
        listener.close()
    assert answers == [b"answer to query", b"replayed", b"late", b"answer to query", b"replayed"]
    assert seen[:3] == [CLIENT, CLIENT, own]


# --- TCP


def settings(decision: str) -> ListenSettings:
    return replace(PATIENT, proxy=ProxyPolicy(lambda host: decision))


async def asked(decision: str, header: bytes, *, pieces: bool = False) -> Address | str:
    """Who asked, as the server sees it, or why the connection was closed."""
    service = Service()
    async with Server(service, settings(decision)) as server, Client(server.port) as client:
        octets = header + frame(message(1)) + frame(message(2))
        for piece in [octets[at : at + 1] for at in range(len(octets))] if pieces else [octets]:
            client.send_octets(piece)
            await asyncio.sleep(0)
        try:
            assert [await client.receive(), await client.receive()] == [1, 2]
        except (asyncio.IncompleteReadError, ConnectionError):
            assert server.closed("proxy_rejected" if decision == REJECT else "proxy_malformed") == 1
            return "closed"
        own = client.writer.get_extra_info("sockname")
        return "own" if service.seen[0][0] == own else service.seen[0][0]


@pytest.mark.parametrize("pieces", [False, True])
@pytest.mark.parametrize(
    ("decision", "header", "result"),
    [
        (USE, LINE, CLIENT), (USE, STREAM, CLIENT), (USE, LOCAL, "own"), (USE, b"", "own"),
        (USE, b"PROXY UNKNOWN\r\n", "own"), (IGNORE, LINE, "own"), (IGNORE, STREAM, "own"), (REJECT, b"", "own"),
        (REJECT, LINE, "closed"), (REJECT, STREAM, "closed"), (SKIP, b"", "own"), (USE, b"PROXY TCP4 x\r\n", "closed"),
    ],
)  # fmt: skip
async def test_a_connection_begins_with_a_header(
    decision: str, header: bytes, result: Address | str, pieces: bool
) -> None:
    assert await asked(decision, header, pieces=pieces) == result
