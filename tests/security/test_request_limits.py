"""URLs, header fields and messages are limited before anything is decoded, in every version of HTTP that is spoken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import h2.connection
import pytest
from h2.config import H2Configuration

from resolver.wire.constants import MAX_MESSAGE
from resolver.wire.framing import frame
from resolver.wire.grpc import PATH
from tests.runtime.clients import HOST, question
from tests.security.transports import Everywhere, Http3, everywhere, opened, opened_quic, request_headers, trusting

LINES = ("timeouts {\n read 20s\n write 5s\n idle 20s\n }", "whoami")
NAME = "www.example.org"
KIND = (b"content-type", b"application/dns-message")
TURNED_OUT = ("431", "")  # HTTP/2 has one table for all requests: what is not read ends the connection
LONG_URL, LONG_FIELD = b"x" * 9000, (b"x-long", b"x" * 17_000)
Request = Callable[[int, str, bytes, list[tuple[bytes, bytes]], bytes], Awaitable[tuple[str, str]]]
"""Port, method, path, more fields and body to the status of HTTP and, where there is one, that of gRPC."""


async def _http1(
    port: int, method: str, path: bytes, fields: list[tuple[bytes, bytes]], body: bytes
) -> tuple[str, str]:
    context = trusting("http/1.1")
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context, server_hostname=HOST)
    try:
        lines = [method.encode() + b" " + path + b" HTTP/1.1", b"host: x", b"content-length: %d" % len(body)]
        lines += [name + b": " + value for name, value in fields]
        writer.write(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        return (await reader.readline()).decode().split(" ")[1], ""
    finally:
        writer.transport.abort()


def _http2(transport: str) -> Request:
    async def ask(
        port: int, method: str, path: bytes, fields: list[tuple[bytes, bytes]], body: bytes
    ) -> tuple[str, str]:
        reader, writer = await opened(port, transport)
        http = h2.connection.H2Connection(H2Configuration(header_encoding=None))
        http.initiate_connection()
        http.send_headers(1, _head(method, path, fields), end_stream=not body)
        found: dict[bytes, bytes] = {}
        over = False
        try:
            while not over:
                while body and (room := min(http.local_flow_control_window(1), 16384)):
                    http.send_data(1, body[:room], end_stream=len(body) <= room)
                    body = body[room:]
                writer.write(http.data_to_send())
                octets = await reader.read(65536)
                for event in http.receive_data(octets) if octets else []:
                    found.update(getattr(event, "headers", None) or [])
                    over = over or bool(getattr(event, "stream_ended", None))
                over = over or not octets
        finally:
            writer.transport.abort()
        return found.get(b":status", b"").decode(), found.get(b"grpc-status", b"").decode()

    return ask


async def _http3(
    port: int, method: str, path: bytes, fields: list[tuple[bytes, bytes]], body: bytes
) -> tuple[str, str]:
    async with opened_quic(port, "h3", Http3) as client:
        found, _ = await client.request(_head(method, path, fields), body)
        return found.get(b":status", b"").decode(), ""


def _head(method: str, path: bytes, fields: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    pseudo = ((b":method", method.encode()), (b":scheme", b"https"), (b":authority", b"x"), (b":path", path))
    return [*pseudo, *fields]


WEB: Final[dict[str, tuple[str, Request]]] = {
    "HTTP/1.1": ("https", _http1),
    "HTTP/2": ("https", _http2("https")),
    "HTTP/3": ("https3", _http3),
}
IN_EVERY_HTTP: Final = pytest.mark.parametrize("version", list(WEB))


async def _answered(server: Everywhere, transport: str) -> bool:
    return await server.ask(transport, question(NAME)) is not None


@IN_EVERY_HTTP
async def test_a_url_is_limited_before_it_is_decoded(tmp_path: Path, version: str) -> None:
    """CVE-2026-32936: a GET of any length was taken out of base64 before anybody looked at its length."""
    transport, ask = WEB[version]
    async with everywhere(tmp_path, *LINES) as server, asyncio.timeout(20):
        assert await ask(server.port(transport), "GET", b"/dns-query?dns=" + LONG_URL, [], b"") == ("414", "")
        assert await _answered(server, transport)


@IN_EVERY_HTTP
async def test_header_fields_are_limited_before_they_are_read(tmp_path: Path, version: str) -> None:
    transport, ask = WEB[version]
    async with everywhere(tmp_path, *LINES) as server, asyncio.timeout(20):
        port = server.port(transport)
        many = [(b"x-%d" % number, b"y") for number in range(5000)]
        for fields in ([LONG_FIELD], many):
            assert (await ask(port, "POST", b"/dns-query", [KIND, *fields], question(NAME)))[0] in TURNED_OUT
        assert await _answered(server, transport)


@IN_EVERY_HTTP
async def test_a_message_of_more_than_65535_octets_is_refused(tmp_path: Path, version: str) -> None:
    """CVE-2025-68151: messages had no limit."""
    transport, ask = WEB[version]
    async with everywhere(tmp_path, *LINES) as server, asyncio.timeout(20):
        found = await ask(server.port(transport), "POST", b"/dns-query", [KIND], bytes(MAX_MESSAGE + 1))
        assert found == ("413", "")
        assert await _answered(server, transport)


async def test_a_call_of_grpc_has_the_same_limits(tmp_path: Path) -> None:
    """CVE-2025-68151. What a call says of its length is believed only as far as there is a limit."""
    ask, call = _http2("grpc"), request_headers("grpc")[4:]
    async with everywhere(tmp_path, *LINES) as server, asyncio.timeout(20):
        port, path = server.port("grpc"), PATH.encode()
        whole = bytes(MAX_MESSAGE + 100)
        assert await ask(port, "POST", path, call, b"\0" + len(whole).to_bytes(4, "big") + whole) == ("200", "8")
        assert await ask(port, "POST", path, call, b"\0\xff\xff\xff\xff" + bytes(10)) == ("200", "8")
        assert (await ask(port, "POST", path, [*call, LONG_FIELD], b""))[0] in TURNED_OUT
        assert await ask(port, "POST", path + LONG_URL, call, b"\0\0\0\0\0") in (("200", "12"), ("414", ""))
        assert await _answered(server, "grpc")


async def test_a_message_over_quic_is_not_longer_than_it_says(tmp_path: Path) -> None:
    """A stream may not go on behind its message, and a message has 65535 octets at most (RFC 9250 section 4.3.3)."""
    async with everywhere(tmp_path, *LINES) as server, asyncio.timeout(20):
        async with opened_quic(server.port("quic"), "doq", Http3) as client:
            stream = client._quic.get_next_available_stream_id()
            client._quic.send_stream_data(stream, frame(question(NAME, message_id=0)) + bytes(70_000))
            client.transmit()
            await client.over.wait()
            assert client._quic._close_event is not None
        assert await _answered(server, "quic")
