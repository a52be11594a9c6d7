"""Who sends slowly, or never reads, holds nothing for long: at each stage, on every transport with connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import h2.connection
import pytest
from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from h2.config import H2Configuration

from resolver.wire.grpc import write_packet
from tests.runtime.clients import HOST, question
from tests.security.transports import STREAMS, Everywhere, Headers, everywhere, opened, quic, request_headers

NAME = "www.example.org"
LINES = ("timeouts {\n read 1s\n write 1s\n idle 1s\n }", "whoami")
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


@ENCRYPTED
async def test_a_handshake_that_never_ends_is_ended_on_every_transport(tmp_path: Path, transport: str) -> None:
    async with everywhere(tmp_path, *LINES) as server:
        reader, writer = await asyncio.open_connection(HOST, server.port(transport))
        writer.write(b"\x16\x03\x01\x02\0\x01")
        try:
            assert await _is_closed(reader)
        finally:
            writer.transport.abort()


def _slow_client(port: int) -> AbstractAsyncContextManager[QuicConnectionProtocol]:
    return connect(HOST, port, configuration=quic("doq"))


async def test_a_stream_of_quic_that_never_ends_does_not_keep_others_waiting(tmp_path: Path) -> None:
    """CVE-2026-32934: each stream that was begun had a worker waiting for its end."""
    async with everywhere(tmp_path, *LINES) as server, _slow_client(server.port("quic")) as client:
        for _ in range(50):
            client._quic.send_stream_data(client._quic.get_next_available_stream_id(), b"\0")
        client.transmit()
        assert await server.ask("quic", question(NAME)) is not None
