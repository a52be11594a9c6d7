"""What comes before the first query of an encrypted connection: handshakes and headers of proxies, both with limits."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from resolver.chain.proxied import IGNORE, REJECT, SKIP, USE, ProxyPolicy
from resolver.wire.proxy import SIGNATURE
from tests.listeners.streams import LOCALHOST, PATIENT, Client, Server, Service, until

CERTIFICATES = Path(__file__).parents[1] / "parity" / "certs"
BODY = bytes([192, 0, 2, 7, 10, 0, 0, 1]) + (4711).to_bytes(2, "big") + b"\0\x35"
SECOND = SIGNATURE + b"\x21\x11\0\x0c" + BODY
FIRST = b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 53\r\n"
LONG = SIGNATURE + b"\x21\x11" + (12 + 300).to_bytes(2, "big") + BODY + b"\x04\x01\x29" + bytes(297)
HELLO = b"\x16\x03\x01\x01\x00\x01"  # the first octets of a handshake


def _server_side() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    return context


def _client_side() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))


@asynccontextmanager
async def _begun(port: int, octets: bytes = b"") -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection that says nothing but these octets."""
    reader, writer = await asyncio.open_connection(LOCALHOST, port)
    writer.write(octets)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def _ended(reader: asyncio.StreamReader) -> bool:
    """Whether the server closes; it may say why first."""
    async with asyncio.timeout(5):
        try:
            while await reader.read(4096):
                pass
        except ConnectionError:
            pass
    return True


@asynccontextmanager
async def _encrypted(port: int, *pieces: bytes) -> AsyncIterator[Client]:
    """A client that sends pieces before its handshake."""
    sock = socket.socket()
    sock.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(sock, (LOCALHOST, port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for piece in pieces:
        await loop.sock_sendall(sock, piece)
        await asyncio.sleep(0)
    client = Client(port)
    client.reader, client.writer = await asyncio.open_connection(
        sock=sock, ssl=_client_side(), server_hostname=LOCALHOST
    )
    try:
        yield client
    finally:
        client.writer.transport.abort()


async def test_a_handshake_that_never_ends_is_ended() -> None:
    settings = replace(PATIENT, read_timeout=0.05)
    async with Server(Service(), settings, tls=_server_side()) as server:
        async with _begun(server.port, HELLO) as (reader, _), _begun(server.port) as (silent, _):
            assert await _ended(reader)
            assert await _ended(silent)
        await until(lambda: server.closed("handshake_timeout") == 2)


async def test_what_is_no_handshake_is_ended_and_others_are_served() -> None:
    async with Server(Service(), tls=_server_side()) as server:
        async with _begun(server.port, b"GET / HTTP/1.1\r\n\r\n") as (reader, _):
            assert await _ended(reader)
        await until(lambda: server.closed("handshake") == 1)
        async with _encrypted(server.port) as client:
            client.send(7)
            assert await client.receive() == 7


async def test_handshakes_count_as_connections_and_do_not_push_out_who_asks() -> None:
    server = Server(Service(), replace(PATIENT, max_connections=4), tls=_server_side())
    async with server, _encrypted(server.port) as client:
        client.send(1)
        assert await client.receive() == 1
        begun = [await asyncio.open_connection(LOCALHOST, server.port) for _ in range(20)]
        await until(lambda: server.closed("too_many") == 17)
        for reader, _ in begun[:17]:
            assert await _ended(reader)
        client.send(2)
        assert await client.receive() == 2
        for _, writer in begun:
            writer.transport.abort()


async def test_a_connection_gets_in_while_others_only_begin() -> None:
    async with Server(Service(), replace(PATIENT, max_connections=3), tls=_server_side()) as server:
        begun = [await asyncio.open_connection(LOCALHOST, server.port) for _ in range(3)]
        async with _encrypted(server.port) as client:
            client.send(1)
            assert await client.receive() == 1
        for _, writer in begun:
            writer.transport.abort()


async def test_handshakes_under_way_do_not_outlive_the_listener() -> None:
    async with Server(Service(), tls=_server_side()) as server, _begun(server.port, HELLO) as (reader, _):
        await until(lambda: bool(server.listener.beginning))
        server.listener.close()
        assert await _ended(reader)


# --- headers of proxies, in front of TLS


@pytest.mark.parametrize(
    ("decision", "pieces", "host"),
    [
        (USE, [SECOND], "192.0.2.7"), (USE, [FIRST], "192.0.2.7"), (USE, [LONG], "192.0.2.7"), (USE, [], LOCALHOST),
        (USE, [SECOND[:3], SECOND[3:14], SECOND[14:20], SECOND[20:]], "192.0.2.7"),
        (USE, [FIRST[:2], FIRST[2:12], FIRST[12:-1], FIRST[-1:]], "192.0.2.7"),
        (IGNORE, [SECOND], LOCALHOST), (REJECT, [], LOCALHOST), (SKIP, [], LOCALHOST),
    ],
)  # fmt: skip
async def test_the_header_comes_before_the_handshake(decision: str, pieces: list[bytes], host: str) -> None:
    service = Service()
    settings = replace(PATIENT, proxy=ProxyPolicy(lambda _: decision))
    async with Server(service, settings, tls=_server_side()) as server, _encrypted(server.port, *pieces) as client:
        client.send(1, 2)
        assert [await client.receive(), await client.receive()] == [1, 2]
        assert {seen[0][0] for seen in service.seen} == {host}


@pytest.mark.parametrize(
    ("decision", "octets", "reason"),
    [
        (REJECT, SECOND, "proxy_rejected"), (USE, b"PROXY nonsense\r\n", "proxy_malformed"),
        (USE, b"PROXY " + b"x" * 200, "proxy_malformed"), (USE, SIGNATURE + b"\x21\x11\xff\xff", "proxy_malformed"),
        (SKIP, SECOND, "handshake"), (USE, SECOND + b"no handshake", "handshake"),
    ],
)  # fmt: skip
async def test_what_does_not_count_ends_the_connection(decision: str, octets: bytes, reason: str) -> None:
    settings = replace(PATIENT, proxy=ProxyPolicy(lambda _: decision))
    async with Server(Service(), settings, tls=_server_side()) as server, _begun(server.port, octets) as (reader, _):
        assert await _ended(reader)
        assert server.closed(reason) == 1


@pytest.mark.parametrize("octets", [SIGNATURE[:5], SIGNATURE, FIRST[:-1], b"P"])
async def test_a_header_without_an_end_is_not_waited_for(octets: bytes) -> None:
    settings = replace(PATIENT, read_timeout=0.05, proxy=ProxyPolicy(lambda _: USE))
    async with Server(Service(), settings, tls=_server_side()) as server, _begun(server.port, octets) as (reader, _):
        assert await _ended(reader)
        assert server.closed("handshake_timeout") == 1
