"""Connections, streams and messages have limits without anybody asking for them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from resolver.chain.capabilities import ListenSettings
from resolver.wire.constants import RCODES
from resolver.wire.framing import Deframer, frame
from resolver.wire.message import scan
from resolver.wire.names import from_text
from tests.runtime.clients import question
from tests.runtime.serving import until
from tests.security.transports import EVERY, Quiet, everywhere, opened, opened_quic

NAME = "www.example.org"
LIMITS = {"https": "https {\n max_connections 3\n }", "grpc": "grpc_server {\n max_connections 3\n }"}
OVER_QUIC = {"quic": "quic {\n max_connections 3\n }", "https3": "https3 {\n max_connections 3\n }"}


def test_there_are_limits_by_default() -> None:
    """CVE-2025-68151: gRPC, HTTPS and HTTP/3 took as many connections as came."""
    settings = ListenSettings()
    connections = [settings.max_connections, settings.https_connections, settings.grpc_connections]
    connections += [settings.quic_connections, settings.https3_connections]
    streams = [settings.grpc_streams, settings.quic_streams, settings.quic_workers, settings.https3_streams]
    assert all(0 < limit <= 1000 for limit in [*connections, *streams])


@pytest.mark.parametrize("transport", sorted(LIMITS))
async def test_one_connection_too_many_ends_the_idlest(tmp_path: Path, transport: str) -> None:
    async with everywhere(tmp_path, LIMITS[transport], "whoami") as server:
        held = [await opened(server.port(transport), transport) for _ in range(5)]
        for reader, _ in held[:2]:
            await _at_end(reader)
        assert await server.ask(transport, question(NAME)) is not None
        for _, writer in held:
            writer.transport.abort()
        await asyncio.sleep(0)


@pytest.mark.parametrize("transport", sorted(OVER_QUIC))
async def test_one_connection_of_quic_too_many_ends_the_idlest(tmp_path: Path, transport: str) -> None:
    alpn = {"quic": "doq", "https3": "h3"}[transport]
    async with everywhere(tmp_path, OVER_QUIC[transport], "whoami") as server, AsyncExitStack() as stack:
        opening = [opened_quic(server.port(transport), alpn, Quiet) for _ in range(5)]
        held = [await stack.enter_async_context(one) for one in opening]
        await until(lambda: [one.is_over for one in held] == [True, True, False, False, False])
        assert await server.ask(transport, question(NAME)) is not None


@pytest.mark.parametrize("transport", sorted(OVER_QUIC))
async def test_a_connection_of_quic_has_as_many_streams_as_it_may(tmp_path: Path, transport: str) -> None:
    """CVE-2025-47950, CVE-2026-32934: each stream cost something, and there was no end of them."""
    alpn, limit = {"quic": "doq", "https3": "h3"}[transport], f"{transport} {{\n max_streams 4\n }}"
    async with everywhere(tmp_path, limit, "whoami") as server:
        async with opened_quic(server.port(transport), alpn, Quiet) as client:
            client._quic._remote_max_streams_bidi = 100  # whatever the server said
            for _ in range(5):
                client._quic.send_stream_data(client._quic.get_next_available_stream_id(), b"\0")
            client.transmit()
            await until(lambda: client.is_over)
        assert await server.ask(transport, question(NAME)) is not None


async def _at_end(reader: asyncio.StreamReader) -> None:
    try:
        async with asyncio.timeout(8):
            while await reader.read(65536):
                pass
    except ConnectionError:
        pass


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_a_connection_carries_as_many_queries_as_it_may(tmp_path: Path, transport: str) -> None:
    async with everywhere(tmp_path, "timeouts {\n maxtcpqueries 2\n }", "whoami") as server:
        reader, writer = await opened(server.port(transport), transport)
        writer.write(frame(question(NAME)) * 5)
        async with asyncio.timeout(8):
            octets = await reader.read()
        writer.transport.abort()
        assert len(Deframer().feed(octets)) == 2


@EVERY
async def test_section_counts_are_checked_before_anything_is_read_on_every_transport(
    tmp_path: Path, transport: str
) -> None:
    """CVE-2026-82399: 64 kB of compressed names unfolded into 10 MiB."""
    async with everywhere(tmp_path, "whoami") as server:
        before = server.memory()
        for packet in _bombs():
            answer = await server.ask(transport, packet, patience=0.5)
            assert answer is None or RCODES[scan(answer).rcode] in ("FORMERR", "NOTIMP")
        assert await server.ask(transport, question(NAME)) is not None
        assert server.memory() - before < 16 << 20


def _bombs() -> list[bytes]:
    """Messages that claim, or hold, far more than a query does."""
    name, fixed = from_text(NAME), b"\0\1\0\1"
    long_name = from_text(".".join(["a" * 60] * 4))
    pointers = b"".join([b"\xc0\x0c\0\1\0\1\0\0\0\0\0\0" for _ in range(80)])
    return [
        b"\0\7\1\0\xff\xff\xff\xff\xff\xff\xff\xff" + name + fixed,
        b"\0\7\1\0\0\2\0\0\0\0\0\0" + (name + fixed) * 2,
        b"\0\7\1\0\0\0\0\0\0\0\0\0",
        b"\0\7\1\0\0\1\xff\xff\0\0\0\0" + long_name + fixed + pointers,
        b"\0\7\1\0\0\1\0\0\0\0\0\0" + b"\xc0\x0c" + fixed,
    ]
