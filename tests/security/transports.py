"""One server that listens in every way there is, and a client for each: a message's octets in, an answer's out."""

from __future__ import annotations

import asyncio
import ssl
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Final, TypeVar

import h2.connection
import h2.events
import pylsqpack
import pytest
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, QuicEvent, StreamReset
from h2.config import H2Configuration

from resolver.errors import WireError
from resolver.wire.framing import frame
from resolver.wire.grpc import FRAME, PATH, read_packet, write_packet
from tests.runtime.clients import HOST
from tests.runtime.serving import Server, free_port, serving

CERTIFICATES: Final = Path(__file__).parents[1] / "parity" / "certs"
FILES: Final = f"{CERTIFICATES}/server.pem {CERTIFICATES}/server.key"
TRANSPORTS: Final = ("udp", "tcp", "tls", "https", "grpc", "quic", "https3")
EVERY: Final = pytest.mark.parametrize("transport", TRANSPORTS)
STREAMS: Final = pytest.mark.parametrize("transport", ["tcp", "tls", "https", "grpc"])
OVER_QUIC: Final = pytest.mark.parametrize("transport", ["quic", "https3"])
_SCHEMES: Final = {"udp": "dns", "tcp": "dns"}
_PATIENCE: Final = 5.0  # seconds
Headers = list[tuple[bytes, bytes]]
Asking = Callable[[int, bytes, str], Awaitable[bytes]]
Protocol = TypeVar("Protocol", bound=QuicConnectionProtocol)


class Everywhere:
    """A server with a listener of each kind. ``port`` is by transport."""

    def __init__(self, server: Server, ports: Mapping[str, int]) -> None:
        self.server = server
        self._ports = ports

    def port(self, transport: str) -> int:
        """Where the transport is served."""
        return self._ports[_SCHEMES.get(transport, transport)]

    async def ask(self, transport: str, packet: bytes, patience: float = _PATIENCE, source: str = HOST) -> bytes | None:
        """The answer to a message on a connection of its own; None where none comes within so many seconds.

        ``source`` is the address that the client has.
        """
        with suppress(TimeoutError, ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            async with asyncio.timeout(patience):
                return await _ASKING[transport](self.port(transport), packet, source) or None
        return None

    def memory(self) -> int:
        """Octets that the process has."""
        lines = Path(f"/proc/{self.server.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmRSS"))


@asynccontextmanager
async def everywhere(
    folder: Path, *lines: str, zone: str = ".", more: str = "", before: Sequence[str] = ()
) -> AsyncIterator[Everywhere]:
    """A server with these directives in a block of every scheme.

    ``before`` are those of blocks in front of them, for the same names; ``more`` are other blocks.
    """
    schemes = ("dns", "tls", "https", "grpc", "quic", "https3")
    ports: dict[str, int] = {}
    while len(set(ports.values())) < len(schemes):
        ports = {scheme: free_port() for scheme in schemes}
    blocks = [
        "\n    ".join([f"{scheme}://{zone}:{port} {{", f"bind {HOST}", *_tls(scheme), *directives]) + "\n}\n"
        for scheme, port in ports.items()
        for directives in ([before, lines] if before else [lines])
    ]
    async with serving(folder, "".join([*blocks, more]), port=ports["dns"]) as server:
        yield Everywhere(server, ports)


def _tls(scheme: str) -> list[str]:
    return [] if scheme == "dns" else [f"tls {FILES}"]


def trusting(*protocols: str) -> ssl.SSLContext:
    """A client's context that trusts the server."""
    context = ssl.create_default_context(cafile=str(CERTIFICATES / "ca.pem"))
    if protocols:
        context.set_alpn_protocols(list(protocols))
    return context


async def opened(port: int, transport: str, source: str = HOST) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection of a transport over TCP."""
    local = source, 0
    if transport == "tcp":
        return await asyncio.open_connection(HOST, port, local_addr=local)
    protocols = {"tls": ("dot",), "https": ("h2",), "grpc": ("h2",)}[transport]
    context = trusting(*protocols)
    return await asyncio.open_connection(HOST, port, ssl=context, server_hostname=HOST, local_addr=local)


# --- the clients


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody there looks like silence."""


async def _over_udp(port: int, packet: bytes, source: str) -> bytes:
    loop, local = asyncio.get_running_loop(), (source, 0)
    transport, protocol = await loop.create_datagram_endpoint(_Datagrams, remote_addr=(HOST, port), local_addr=local)
    try:
        transport.sendto(packet)
        async with asyncio.timeout(1):
            return await protocol.answer
    finally:
        transport.close()


def _framed(transport: str) -> Asking:
    async def ask(port: int, packet: bytes, source: str) -> bytes:
        reader, writer = await opened(port, transport, source)
        try:
            writer.write(frame(packet))
            return await _read_frame(reader)
        finally:
            writer.transport.abort()

    return ask


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))


def request_headers(transport: str) -> Headers:
    """The head of a request over HTTP/2 or HTTP/3."""
    grpc = transport == "grpc"
    path, kind = (PATH, b"application/grpc") if grpc else ("/dns-query", b"application/dns-message")
    return [
        (b":method", b"POST"), (b":scheme", b"https"), (b":authority", HOST.encode()), (b":path", path.encode()),
        (b"content-type", kind), *([(b"te", b"trailers")] if grpc else []),
    ]  # fmt: skip


def _over_http2(transport: str) -> Asking:
    async def ask(port: int, packet: bytes, source: str) -> bytes:
        reader, writer = await opened(port, transport, source)
        http = h2.connection.H2Connection(H2Configuration(header_encoding=None))
        http.initiate_connection()
        http.send_headers(1, request_headers(transport))
        http.send_data(1, write_packet(packet) if transport == "grpc" else packet, end_stream=True)
        heads, body, ended = dict[bytes, bytes](), b"", False
        try:
            while not ended:
                writer.write(http.data_to_send())
                octets = await reader.read(65536)
                if not octets:
                    break
                for event in http.receive_data(octets):
                    if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                        heads.update(event.headers)
                    elif isinstance(event, h2.events.DataReceived):
                        body += event.data
                    ended = ended or isinstance(event, h2.events.StreamEnded | h2.events.StreamReset)
        finally:
            writer.transport.abort()
        return _taken_out(transport, heads, body)

    return ask


def _taken_out(transport: str, heads: Mapping[bytes, bytes], body: bytes) -> bytes:
    if heads.get(b":status") != b"200":
        return b""
    if transport != "grpc":
        return body
    if heads.get(b"grpc-status") != b"0":
        return b""
    try:
        return read_packet(body[FRAME:])
    except WireError as error:
        raise AssertionError("what is said to be an answer is none") from error


def quic(protocol: str) -> QuicConfiguration:
    """A client's settings for QUIC."""
    configuration = QuicConfiguration(is_client=True, alpn_protocols=[protocol], verify_mode=ssl.CERT_NONE)
    configuration.idle_timeout = _PATIENCE
    return configuration


@asynccontextmanager
async def opened_quic(port: int, alpn: str, kind: type[Protocol], source: str = HOST) -> AsyncIterator[Protocol]:
    """A connection over QUIC, its handshake done."""

    def made() -> Protocol:
        return kind(QuicConnection(configuration=quic(alpn)))

    loop = asyncio.get_running_loop()
    transport, client = await loop.create_datagram_endpoint(made, local_addr=(source, 0))
    try:
        client.connect((HOST, port))
        await client.wait_connected()
        yield client
    finally:
        client.close()
        await client.wait_closed()
        transport.close()


async def _over_quic(port: int, packet: bytes, source: str) -> bytes:
    """The ID is 0 on the wire (RFC 9250 section 4.2.1)."""
    async with opened_quic(port, "doq", QuicConnectionProtocol, source) as client:
        reader, writer = await client.create_stream()
        writer.write(frame(b"\0\0" + packet[2:]))
        writer.write_eof()
        answer = await _read_frame(reader)
        return packet[:2] + answer[2:]


def on_stream(transport: str, packet: bytes) -> bytes:
    """A whole query as it stands on a stream of QUIC, whose ID is 0."""
    if transport == "quic":
        return frame(packet)
    pseudo = {b":method": b"GET", b":scheme": b"https", b":authority": b"x"}
    path = b"/dns-query?dns=" + urlsafe_b64encode(packet).rstrip(b"=")
    _, block = pylsqpack.Encoder().encode(0, [*pseudo.items(), (b":path", path)])
    return b"\x01" + (0x4000 | len(block)).to_bytes(2, "big") + block


class Quiet(QuicConnectionProtocol):
    """A client that looks at nothing that comes."""

    def quic_event_received(self, event: QuicEvent) -> None:
        """Nothing."""

    @property
    def is_over(self) -> bool:
        """Whether one side has closed the connection."""
        return self._quic._close_event is not None


class Http3(QuicConnectionProtocol):
    """A client that asks once."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.http = H3Connection(self._quic)
        self.heads: dict[bytes, bytes] = {}
        self.body = b""
        self.over = asyncio.Event()

    def quic_event_received(self, event: QuicEvent) -> None:
        """Gather the response."""
        for found in self.http.handle_event(event):
            if isinstance(found, HeadersReceived):
                self.heads.update(found.headers)
            elif isinstance(found, DataReceived):
                self.body += found.data
            if isinstance(found, HeadersReceived | DataReceived) and found.stream_ended:
                self.over.set()
        if isinstance(event, ConnectionTerminated | StreamReset):
            self.over.set()

    async def request(self, headers: Headers, body: bytes) -> tuple[dict[bytes, bytes], bytes]:
        """Head and body of the response."""
        number = self._quic.get_next_available_stream_id()
        self.http.send_headers(number, headers)
        self.http.send_data(number, body, end_stream=True)
        self.transmit()
        await self.over.wait()
        return self.heads, self.body


async def _over_http3(port: int, packet: bytes, source: str) -> bytes:
    async with opened_quic(port, "h3", Http3, source) as client:
        return _taken_out("https3", *await client.request(request_headers("https3"), packet))


_ASKING: Final[dict[str, Asking]] = {
    "udp": _over_udp,
    "tcp": _framed("tcp"),
    "tls": _framed("tls"),
    "https": _over_http2("https"),
    "grpc": _over_http2("grpc"),
    "quic": _over_quic,
    "https3": _over_http3,
}
