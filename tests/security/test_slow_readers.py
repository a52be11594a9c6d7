"""Who asks on and on and takes no answers holds little, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from aioquic.quic.connection import QuicConnection

from resolver.wire.framing import frame
from tests.runtime.clients import HOST, question
from tests.runtime.serving import until
from tests.security.transports import (
    OVER_QUIC,
    Everywhere,
    Quiet,
    everywhere,
    on_stream,
    opened_quic,
    quic,
    trusting,
)

NAME = "www.example.org"
LINES = ("timeouts {\n read 5s\n write 1s\n idle 20s\n }",)
LARGE = f'template IN TXT . {{\n answer "{{{{ .Name }}}} 60 IN TXT {" ".join(["x" * 250] * 35)}"\n }}'
ASKED = 500
MUCH = 48 << 20  # octets; what is asked for is more than that on some connections


async def _deaf(server: Everywhere, transport: str) -> asyncio.StreamWriter:
    """A connection over which nothing is read, with as little room for what comes as the system gives."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, (HOST, server.port(transport)))
    context = trusting("dot") if transport == "tls" else None
    _, writer = await asyncio.open_connection(sock=sock, ssl=context, server_hostname=HOST if context else None)
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    return writer


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_who_takes_no_answers_loses_the_connection(tmp_path: Path, transport: str) -> None:
    """CVE-2025-68151: what is written down for a client that does not read has a limit, and so has the wait for it."""
    async with everywhere(tmp_path, *LINES, LARGE) as server:
        before = server.memory()
        writer = await _deaf(server, transport)
        queries = frame(question(NAME, "TXT")) * 50
        async with asyncio.timeout(20):
            while await _takes_more(writer, queries):
                pass
        writer.transport.abort()
        assert await server.ask(transport, question(NAME, "TXT")) is not None
        assert server.memory() - before < MUCH


async def _takes_more(writer: asyncio.StreamWriter, octets: bytes) -> bool:
    """Send octets as soon as there is room; False where there is no connection any more."""
    try:
        writer.write(octets)
        await writer.drain()
    except ConnectionError:
        return False
    await asyncio.sleep(0.001)
    return not writer.is_closing()


class _Narrow(Quiet):
    """A client that lets the server send next to nothing on each stream."""

    def __init__(self, made: QuicConnection) -> None:
        settings = quic(str((made.configuration.alpn_protocols or [""])[0]))
        settings.max_stream_data = 16
        super().__init__(QuicConnection(configuration=settings))

    def ask(self, octets: bytes) -> None:
        """One more query on a stream of its own."""
        self._quic.send_stream_data(self._quic.get_next_available_stream_id(), octets, end_stream=True)


@OVER_QUIC
async def test_streams_whose_answers_are_not_taken_hold_no_more_than_a_share(tmp_path: Path, transport: str) -> None:
    """CVE-2026-32934: a stream that is answered and not read costs as much as one that is not finished."""
    alpn = {"quic": "doq", "https3": "h3"}[transport]
    async with everywhere(tmp_path, *LINES, LARGE) as server:
        before = server.memory()
        async with opened_quic(server.port(transport), alpn, _Narrow) as client:
            for _ in range(ASKED):
                client.ask(on_stream(transport, question(NAME, "TXT", message_id=0)))
                client.transmit()
                await asyncio.sleep(0)
            assert await server.ask(transport, question(NAME, "TXT")) is not None
            await until(lambda: client.is_over)
            assert server.memory() - before < MUCH
        assert await server.ask(transport, question(NAME, "TXT")) is not None
