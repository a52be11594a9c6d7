"""Who sends slowly, or never reads, holds nothing for long: at each stage, on every transport with connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import h2.connection
import pytest
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import QuicEvent, StreamDataReceived, StreamReset
from h2.config import H2Configuration

from resolver.wire.framing import frame
from resolver.wire.grpc import write_packet
from tests.runtime.clients import HOST, figures, question, total
from tests.runtime.serving import free_port, until
from tests.security.transports import (
    OVER_QUIC,
    STREAMS,
    Everywhere,
    Headers,
    Quiet,
    everywhere,
    on_stream,
    opened,
    opened_quic,
    quic,
    request_headers,
    trusting,
)

NAME = "www.example.org"
LINES = ("timeouts {\n read 1s\n write 1s\n idle 1s\n }", "whoami")
PATIENT = ("timeouts {\n read 1s\n write 1s\n idle 20s\n }", "whoami")
ENCRYPTED = pytest.mark.parametrize("transport", ["tls", "https", "grpc"])


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    """Whether the server closes, whatever it says before, well before the test gives up."""
    try:
        async with asyncio.timeout(6):
            while await reader.read(65536):
                pass
    except ConnectionError:
        pass
    return True


def _request(transport: str, packet: bytes, headers: Headers | None = None) -> bytes:
    """A connection's first octets in HTTP/2, up to the end of one request."""
    http = h2.connection.H2Connection(H2Configuration(header_encoding=None))
    http.initiate_connection()
    http.send_headers(1, headers or request_headers(transport))
    http.send_data(1, write_packet(packet) if transport == "grpc" else packet, end_stream=True)
    return http.data_to_send()


def _octets(transport: str) -> bytes:
    packet = question(NAME)
    return _request(transport, packet) if transport in ("https", "grpc") else len(packet).to_bytes(2, "big") + packet


@asynccontextmanager
async def _connected(server: Everywhere, transport: str, octets: bytes) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await opened(server.port(transport), transport)
    writer.write(octets)
    try:
        yield reader
    finally:
        writer.transport.abort()


@STREAMS
async def test_a_query_that_never_ends_loses_its_connection_on_every_transport(tmp_path: Path, transport: str) -> None:
    """CVE-2025-47950: streams that were begun and never finished held memory for as long as they liked."""
    octets = _octets(transport)
    async with everywhere(tmp_path, *LINES) as server:
        async with _connected(server, transport, octets[:-1]) as reader, asyncio.timeout(8):
            assert await _is_closed(reader)
        assert await server.ask(transport, question(NAME)) is not None


@STREAMS
@pytest.mark.parametrize("part", [0, 1, 10])
async def test_a_connection_that_says_next_to_nothing_is_closed(tmp_path: Path, transport: str, part: int) -> None:
    octets = _octets(transport)[:part]
    async with everywhere(tmp_path, *LINES) as server, _connected(server, transport, octets) as reader:
        assert await _is_closed(reader)


@STREAMS
async def test_octets_that_drip_do_not_keep_a_connection_open(tmp_path: Path, transport: str) -> None:
    """One octet now and then is no progress."""
    octets = _octets(transport)
    async with everywhere(tmp_path, *LINES) as server:
        reader, writer = await opened(server.port(transport), transport)

        async def drip() -> None:
            for octet in octets[:-1]:
                writer.write(bytes((octet,)))
                await asyncio.sleep(0.2)  # slower than that is caught as silence

        dripping = asyncio.create_task(drip())
        try:
            assert await _is_closed(reader)
        finally:
            dripping.cancel()
            writer.transport.abort()


@pytest.mark.parametrize("part", [0, 1, 40, -1])
@pytest.mark.parametrize("dripping", [False, True])
async def test_a_request_of_http_1_1_that_never_ends_loses_its_connection(
    tmp_path: Path, part: int, dripping: bool
) -> None:
    """Slowloris: a header now and then, an octet of the body now and then, or nothing at all."""
    packet = question(NAME)
    head = b"POST /dns-query HTTP/1.1\r\nhost: x\r\ncontent-type: application/dns-message\r\n"
    octets = head + b"content-length: %d\r\n\r\n" % len(packet) + packet
    async with everywhere(tmp_path, *LINES) as server:
        port, context = server.port("https"), trusting("http/1.1")
        reader, writer = await asyncio.open_connection(HOST, port, ssl=context, server_hostname=HOST)
        writer.write(octets[:part])

        async def drip() -> None:
            while dripping:
                writer.write(b"x")
                await asyncio.sleep(0.2)

        task = asyncio.create_task(drip())
        try:
            assert await _is_closed(reader)
        finally:
            task.cancel()
            writer.transport.abort()
        assert await server.ask("https", question(NAME)) is not None


@ENCRYPTED
async def test_a_handshake_that_never_ends_is_ended_on_every_transport(tmp_path: Path, transport: str) -> None:
    async with everywhere(tmp_path, *LINES) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port(transport))
        writer.write(b"\x16\x03\x01\x02\0\x01")
        try:
            assert await _is_closed(reader)
        finally:
            writer.transport.abort()


# --- over QUIC, where each stream has its time


class _Deaf(QuicConnection):
    """Goes on with streams of which the server wants no more."""

    def _handle_stop_sending_frame(self, context: Any, frame_type: int, buf: Any) -> None:
        """STOP_SENDING has two numbers (RFC 9000 section 19.5)."""
        buf.pull_uint_var()
        buf.pull_uint_var()


class _Listener(Quiet):
    """A connection that only notes which streams the server has given up, and how it ended."""

    def __init__(self, made: QuicConnection) -> None:
        super().__init__(_Deaf(configuration=made.configuration))
        self.given_up: set[int] = set()
        self.answered: set[int] = set()

    def quic_event_received(self, event: QuicEvent) -> None:
        """Note what happens to streams of ours."""
        if isinstance(event, StreamReset):
            self.given_up.add(event.stream_id)
        elif isinstance(event, StreamDataReceived):
            self.answered.add(event.stream_id)

    def begin(self, octets: bytes, end: bool = False) -> int:
        """Octets on a new stream."""
        stream = self._quic.get_next_available_stream_id()
        self.go_on(stream, octets, end)
        return stream

    def go_on(self, stream: int, octets: bytes, end: bool = False) -> None:
        """More octets on a stream, whatever the server has said of it."""
        self._quic.send_stream_data(stream, octets, end_stream=end)
        self.transmit()

    def has_sent(self, stream: int) -> bool:
        """Whether the server let us send all of it."""
        return not len(self._quic._streams[stream].sender._pending)

    def begin_aside(self, octets: bytes) -> int:
        """Octets on a stream on which only we speak."""
        stream = self._quic.get_next_available_stream_id(is_unidirectional=True)
        self.go_on(stream, octets)
        return stream


def _slow_client(server: Everywhere, transport: str) -> AbstractAsyncContextManager[_Listener]:
    return opened_quic(server.port(transport), {"quic": "doq", "https3": "h3"}[transport], _Listener)


def _first_octets(transport: str) -> bytes:
    """A query without its last octet; over HTTP/3 a frame of headers without its last one."""
    packet = question(NAME, message_id=0)
    return (frame(packet) if transport == "quic" else b"\x01\x20" + bytes(32))[:-1]


@OVER_QUIC
@pytest.mark.parametrize("part", [1, 2, 10, 1000])
async def test_a_stream_of_quic_that_never_ends_is_given_up_alone(tmp_path: Path, transport: str, part: int) -> None:
    """CVE-2025-47950, CVE-2026-32934: a stream that was begun had a worker that waited for its end."""
    async with everywhere(tmp_path, *PATIENT) as server, _slow_client(server, transport) as client:
        streams = {client.begin(_first_octets(transport)[:part]) for _ in range(50)}
        assert await server.ask(transport, question(NAME)) is not None  # nobody waits for those
        await until(lambda: client.given_up == streams)
        assert not client.is_over
        assert await server.ask(transport, question(NAME)) is not None


@OVER_QUIC
async def test_a_request_that_has_ended_too_early_is_not_waited_for(tmp_path: Path, transport: str) -> None:
    """A stream at whose end nothing is complete: nothing more can come on it."""
    async with everywhere(tmp_path, *PATIENT) as server, _slow_client(server, transport) as client:
        stream = client.begin(_first_octets(transport), end=True)
        await until(lambda: client.is_over or stream in client.given_up | client.answered)
        assert await server.ask(transport, question(NAME)) is not None


@OVER_QUIC
async def test_octets_that_drip_do_not_keep_a_stream_of_quic_open(tmp_path: Path, transport: str) -> None:
    """One octet now and then is no progress, nor is going on when the server has said that it does not listen."""
    octets = bytes(60) if transport == "quic" else b"\x01\x7f" + bytes(60)
    async with everywhere(tmp_path, *PATIENT) as server, _slow_client(server, transport) as client:
        stream = client.begin(octets[:1])

        async def drip() -> None:
            for octet in octets[1:]:
                client.go_on(stream, bytes((octet,)))
                await asyncio.sleep(0.1)  # slower than that is caught as silence

        dripping = asyncio.create_task(drip())
        try:
            await until(lambda: stream in client.given_up or client.is_over, within=6.0)
        finally:
            dripping.cancel()
        assert await server.ask(transport, question(NAME)) is not None


@OVER_QUIC
async def test_what_comes_on_a_stream_that_was_given_up_harms_nobody(tmp_path: Path, transport: str) -> None:
    """The query that is complete at last has no answer, and the connection goes on."""
    whole = on_stream(transport, question(NAME, message_id=0))
    async with everywhere(tmp_path, *PATIENT) as server, _slow_client(server, transport) as client:
        stream = client.begin(whole[:1])
        await until(lambda: stream in client.given_up)
        client.go_on(stream, whole if transport == "quic" else whole[1:], end=True)
        other = client.begin(whole, end=True)
        await until(lambda: other in client.answered)
        assert not client.is_over
        assert stream not in client.answered


async def test_headers_that_wait_for_what_never_comes_are_given_up(tmp_path: Path) -> None:
    """HTTP/3 lets headers refer to an entry that is still to come (RFC 9204 section 2.1.2): it may never come."""
    block = b"\x02\x00\x80"  # needs the first entry that is put into the table, and takes it
    async with everywhere(tmp_path, *PATIENT) as server, _slow_client(server, "https3") as client:
        client.begin_aside(b"\x00\x04\x00")
        client.begin_aside(b"\x02\x3f\xe1\x1f")
        streams = {client.begin(b"\x01" + bytes((len(block),)) + block, end=True) for _ in range(10)}
        await until(lambda: client.given_up == streams)
        assert not client.is_over
        assert await server.ask("https3", question(NAME)) is not None


@pytest.mark.parametrize("begins", [b"\x00\x04\xbf\xff\xff\xff", b"\x02", b"\x21"], ids=["control", "table", "unknown"])
async def test_what_is_said_beside_requests_is_bounded(tmp_path: Path, begins: bytes) -> None:
    """A frame of settings that never ends, on a stream that belongs to no request, was kept as it came."""
    piece = b"\x20" * 16384  # where it is read as instructions: the table is to have no room
    async with everywhere(tmp_path, *PATIENT) as server, _slow_client(server, "https3") as client:
        stream = client.begin_aside(begins)
        sent = 0
        async with asyncio.timeout(8):
            while not client.is_over:
                client.go_on(stream, piece)
                sent += len(piece)
                await until(lambda: client.is_over or client.has_sent(stream))
        assert sent <= 1 << 20
        assert await server.ask("https3", question(NAME)) is not None


async def test_a_handshake_of_quic_that_never_ends_is_ended(tmp_path: Path) -> None:
    """Whoever goes away in the middle of it leaves nothing behind for long, and others are let in meanwhile."""
    port = free_port()
    text = f"prometheus {HOST}:{port}"
    async with everywhere(tmp_path, *PATIENT, text) as server:
        loop = asyncio.get_running_loop()
        for _ in range(5):
            first = QuicConnection(configuration=quic("doq"))
            first.connect((HOST, server.port("quic")), now=loop.time())
            transport, _ = await loop.create_datagram_endpoint(
                asyncio.DatagramProtocol, remote_addr=(HOST, server.port("quic"))
            )
            for octets, _ in first.datagrams_to_send(now=loop.time()):
                transport.sendto(octets)
            transport.close()

        async def ended() -> bool:
            found = await figures(port)
            return total(found, "coredns_dns_stream_closed_total", "handshake_timeout") == 5

        await until(ended, within=8.0)
        assert await server.ask("quic", question(NAME)) is not None
