"""Clients of DNS over QUIC and of HTTP/3 that can also do what they should not."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent, StreamDataReceived, StreamReset

from resolver.wire.framing import frame

CERTIFICATES = Path(__file__).parents[1] / "parity" / "certs"
AUTHORITY = CERTIFICATES / "ca.pem"
NAME = "dns.test"
PATIENCE = 10.0


class Peer(QuicConnectionProtocol):
    """One connection: what came on each stream, and how it ended."""

    def __init__(self, quic: QuicConnection, stream_handler: object = None) -> None:
        super().__init__(quic)
        self.came: dict[int, bytearray] = {}
        self.whole: set[int] = set()
        self.reset: dict[int, int] = {}
        self.closed: int | None = None

    def quic_event_received(self, event: QuicEvent) -> None:
        if isinstance(event, StreamDataReceived):
            self.came.setdefault(event.stream_id, bytearray()).extend(event.data)
            if event.end_stream:
                self.whole.add(event.stream_id)
        elif isinstance(event, StreamReset):
            self.reset[event.stream_id] = event.error_code
        elif isinstance(event, ConnectionTerminated):
            self.closed = event.error_code

    @property
    def is_closing(self) -> bool:
        """Whether the server has closed the connection, or we have."""
        return self._quic._close_event is not None

    @property
    def code(self) -> int | None:
        """With what the connection was closed."""
        return self._quic._close_event.error_code if self._quic._close_event else None

    @property
    def port(self) -> int:
        """The port that we send from."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    @property
    def certificate(self) -> bytes:
        """The serial number that the server has shown, as octets."""
        shown = self._quic.tls._peer_certificate
        assert shown is not None
        return int(shown.serial_number).to_bytes(20, "big")

    def send(self, octets: bytes, *, end: bool = True, stream: int | None = None) -> int:
        """Octets on a new stream, or on one of before."""
        number = self._quic.get_next_available_stream_id() if stream is None else stream
        self._quic.send_stream_data(number, octets, end_stream=end)
        self.transmit()
        return number

    def cancel(self, stream: int, code: int = 3) -> None:
        """Take a query back."""
        self._quic.stop_stream(stream, code)
        self.transmit()

    async def answer(self, stream: int) -> bytes:
        """All octets of a stream, when they are there."""
        await until(lambda: stream in self.whole)
        return bytes(self.came[stream])

    async def ask(self, packet: bytes) -> bytes:
        """The answer to a message."""
        octets = await self.answer(self.send(frame(packet)))
        assert len(octets) - 2 == int.from_bytes(octets[:2], "big")
        return octets[2:]


class WebPeer(Peer):
    """One connection of HTTP/3."""

    def __init__(self, quic: QuicConnection, stream_handler: object = None) -> None:
        super().__init__(quic)
        self.http: H3Connection | None = None
        self.headers: dict[int, dict[bytes, bytes]] = {}
        self.bodies: dict[int, bytes] = {}
        self.done: set[int] = set()

    def begin(self) -> H3Connection:
        """Speak HTTP/3 from now on."""
        self.http = H3Connection(self._quic)
        return self.http

    def quic_event_received(self, event: QuicEvent) -> None:
        super().quic_event_received(event)
        if isinstance(event, HandshakeCompleted):
            self.begin()  # before the server's own streams come
        if self.http is None:
            return
        for found in self.http.handle_event(event):
            if isinstance(found, HeadersReceived):
                self.headers[found.stream_id] = dict(found.headers)
            elif isinstance(found, DataReceived):
                self.bodies[found.stream_id] = self.bodies.get(found.stream_id, b"") + found.data
            if isinstance(found, HeadersReceived | DataReceived) and found.stream_ended:
                self.done.add(found.stream_id)

    def request(self, method: str, path: bytes, body: bytes = b"", *more: tuple[bytes, bytes], end: bool = True) -> int:
        """Begin a request; its stream."""
        http = self.http or self.begin()
        stream = self._quic.get_next_available_stream_id()
        pseudo = [(b":method", method.encode()), (b":scheme", b"https"), (b":authority", b"x"), (b":path", path)]
        http.send_headers(stream, [*pseudo, *more], end_stream=end and not body)
        if body:
            http.send_data(stream, body, end_stream=end)
        self.transmit()
        return stream

    async def response(self, stream: int) -> tuple[int, dict[bytes, bytes], bytes]:
        """Status, headers and body, when they are there."""
        await until(lambda: stream in self.done)
        headers = self.headers[stream]
        return int(headers[b":status"]), headers, self.bodies.get(stream, b"")


def configuration(protocol: str = "doq", authority: Path = AUTHORITY) -> QuicConfiguration:
    """A client's settings, which trust one authority."""
    made = QuicConfiguration(is_client=True, alpn_protocols=[protocol], server_name=NAME)
    made.load_verify_locations(cafile=str(authority))
    return made


@asynccontextmanager
async def peer(port: int, host: str = "127.0.0.1", settings: QuicConfiguration | None = None) -> AsyncIterator[Peer]:
    """A connection of DNS over QUIC."""
    used = settings or configuration()
    async with connect(host, port, configuration=used, create_protocol=Peer) as found:
        assert isinstance(found, Peer)
        yield found


@asynccontextmanager
async def web_peer(port: int, host: str = "127.0.0.1") -> AsyncIterator[WebPeer]:
    """A connection of HTTP/3."""
    async with connect(host, port, configuration=configuration("h3"), create_protocol=WebPeer) as found:
        assert isinstance(found, WebPeer)
        yield found


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        await asyncio.sleep(0.002)
