"""What HTTP/2 lets a client do for free is bounded, for DNS over HTTPS as for gRPC, on real sockets."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import h2.connection
import pytest
from h2.config import H2Configuration
from h2.settings import SettingCodes, Settings

from resolver.wire.grpc import write_packet
from tests.runtime.clients import question
from tests.security.transports import Everywhere, everywhere, opened, request_headers

WEB = pytest.mark.parametrize("transport", ["https", "grpc"])
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, HEADERS, CONTINUATION, PING, RESET, WINDOW, PRIORITY = 4, 1, 9, 6, 3, 8, 2
LINES = ("timeouts {\n read 20s\n write 1s\n idle 20s\n }", "whoami")
NAME = "www.example.org"


def _frame(kind: int, payload: bytes = b"", flags: int = 0, stream: int = 0) -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload


async def _until_closed(server: Everywhere, transport: str, octets: bytes, again: bytes = b"") -> int:
    """Send octets, and others again and again, reading all the while; how many octets it took to be turned out."""
    reader, writer = await opened(server.port(transport), transport)
    sent = 0

    async def read() -> None:
        try:
            while await reader.read(65536):
                pass
        except ConnectionError:
            pass

    reading = asyncio.create_task(read())
    try:
        async with asyncio.timeout(15):
            writer.write(octets)
            while not reading.done():
                writer.write(again)
                sent += len(again)
                await writer.drain()
                await asyncio.wait([reading], timeout=0.001)
    except ConnectionError:
        pass
    finally:
        reading.cancel()
        writer.transport.abort()
    return sent


@WEB
async def test_rapid_resets_end_the_connection(tmp_path: Path, transport: str) -> None:
    """CVE-2023-44487: requests were begun and taken back as fast as they could be written."""
    http = h2.connection.H2Connection(H2Configuration(header_encoding=None))
    http.initiate_connection()
    start = http.data_to_send()
    async with everywhere(tmp_path, *LINES) as server:
        octets = []
        for _ in range(1000):
            number = http.get_next_available_stream_id()
            http.send_headers(number, request_headers(transport))
            http.reset_stream(number, 8)
            octets.append(http.data_to_send())
        assert await _until_closed(server, transport, start + b"".join(octets)) == 0
        assert await server.ask(transport, question(NAME)) is not None


@WEB
async def test_headers_without_an_end_end_the_connection(tmp_path: Path, transport: str) -> None:
    """CVE-2024-27316: CONTINUATION frames without END_HEADERS were gathered without limit."""
    start = PREFACE + _frame(SETTINGS) + _frame(HEADERS, b"\x82", 0, 1)
    piece = _frame(CONTINUATION, b"\x00\x01a\x01b" * 1000, 0, 1)
    async with everywhere(tmp_path, *LINES) as server:
        assert await _until_closed(server, transport, start, piece) < 4 << 20
        empty = _frame(CONTINUATION, b"", 0, 1) * 100
        assert await _until_closed(server, transport, start, empty) < 8 << 20
        assert await server.ask(transport, question(NAME)) is not None


@WEB
async def test_headers_that_unfold_end_the_connection(tmp_path: Path, transport: str) -> None:
    """One entry of the dynamic table, referred to time and again, is megabytes in a few octets."""
    entry = b"\x40\x01a\x7f\x81\x1e" + b"b" * 4000
    block = b"\x82" + entry + b"\xbe" * 12_000
    async with everywhere(tmp_path, *LINES) as server:
        octets = PREFACE + _frame(SETTINGS) + _frame(HEADERS, block, 5, 1)
        await _until_closed(server, transport, octets)
        assert await server.ask(transport, question(NAME)) is not None


@WEB
@pytest.mark.parametrize("kind", ["settings", "ping", "window", "priority", "empty data"])
async def test_frames_that_only_cost_time_end_the_connection(tmp_path: Path, transport: str, kind: str) -> None:
    """CVE-2019-9512, CVE-2019-9515 and their like: frames that ask for nothing, by the million."""
    frames = {
        "settings": _frame(SETTINGS), "ping": _frame(PING, bytes(8)),
        "window": _frame(WINDOW, b"\0\0\0\1"), "priority": _frame(PRIORITY, b"\0\0\0\0\1", 0, 1),
        "empty data": _frame(0, b"", 0, 1),
    }  # fmt: skip
    http = h2.connection.H2Connection(H2Configuration(header_encoding=None))
    http.initiate_connection()
    if kind == "empty data":
        http.send_headers(1, request_headers(transport))
    async with everywhere(tmp_path, *LINES) as server:
        begun = time.monotonic()
        assert await _until_closed(server, transport, http.data_to_send(), frames[kind] * 200) < 16 << 20
        assert time.monotonic() - begun < 10  # it is not the time for reading that has ended it
        assert await server.ask(transport, question(NAME)) is not None


@WEB
async def test_a_client_that_never_opens_its_window_is_ended(tmp_path: Path, transport: str) -> None:
    http = h2.connection.H2Connection(H2Configuration(header_encoding=None))
    http.local_settings = Settings(initial_values={SettingCodes.INITIAL_WINDOW_SIZE: 0})
    http.initiate_connection()
    packet = question(NAME)
    for number in range(1, 100, 2):
        http.send_headers(number, request_headers(transport))
        http.send_data(number, write_packet(packet) if transport == "grpc" else packet, end_stream=True)
    async with everywhere(tmp_path, *LINES) as server:
        await _until_closed(server, transport, http.data_to_send())
        assert await server.ask(transport, question(NAME)) is not None
