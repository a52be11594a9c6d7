"""A scripted server of DNS over HTTPS: it answers, refuses, goes away and falls silent as a test wants."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias, cast
from urllib.parse import parse_qs, urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded
from h2.settings import SettingCodes, Settings

from tests.support.upstreams import Asked, Hangup, Step, Upstream, server_context


class Response(NamedTuple):
    """A response as the script wants it."""

    body: bytes = b""
    status: int = 200
    kind: str = "application/dns-message"
    more: tuple[tuple[str, str], ...] = ()


class Reset(NamedTuple):
    """RST_STREAM with this error."""

    error: ErrorCodes


class GoAway(NamedTuple):
    """GOAWAY, then the end of the connection."""


class Requested(NamedTuple):
    """A request as the server saw it."""

    headers: dict[str, str]
    body: bytes


DohStep: TypeAlias = "Step | Response | Reset | GoAway"


@dataclass
class DohUpstream(Upstream):
    """Like the upstream over TLS, in HTTP/2. ``streams`` is how many a client may open at once."""

    tls: bool = True
    streams: int = 100
    doh: Callable[[Asked], Sequence[DohStep]] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self.requests: list[Requested] = []
        self.goodbyes = 0
        self.clients: list[H2Server] = []

    async def __aenter__(self) -> DohUpstream:
        await super().__aenter__()
        return self

    async def start_tcp(self) -> None:
        if self.context is None:
            self.context = server_context()
            self.context.set_alpn_protocols(["h2"])
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: H2Server(self), self.host, self.port, ssl=self.context)
        self.port = self._server.sockets[0].getsockname()[1]

    def go_away(self) -> None:
        """GOAWAY on all connections, without their end."""
        for client in self.clients:
            client.http.close_connection()
            client.flush()


class H2Server(asyncio.Protocol):
    def __init__(self, upstream: DohUpstream) -> None:
        self.upstream = upstream
        self.http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self.coming: dict[int, tuple[dict[str, str], bytearray]] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.upstream.connections += 1
        self.number = self.upstream.connections
        self.upstream._open.add(self.transport)
        self.upstream.clients.append(self)
        tls = transport.get_extra_info("ssl_object")
        self.upstream.resumed += bool(tls.session_reused)
        wishes = {SettingCodes.MAX_CONCURRENT_STREAMS: self.upstream.streams}
        self.http.local_settings = Settings(client=False, initial_values=wishes)
        self.http.initiate_connection()
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.upstream._open.discard(self.transport)
        self.upstream.clients.remove(self)

    def flush(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(self.http.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self.http.receive_data(data):
            if isinstance(event, RequestReceived):
                self.coming[event.stream_id] = ({str(k): str(v) for k, v in event.headers}, bytearray())
            elif isinstance(event, DataReceived):
                self.coming[event.stream_id][1].extend(event.data)
                self.http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, StreamEnded):
                self.requested(event.stream_id)
            elif isinstance(event, ConnectionTerminated):
                self.upstream.goodbyes += 1
        self.flush()

    def requested(self, stream: int) -> None:
        headers, body = self.coming.pop(stream)
        self.upstream.requests.append(Requested(headers, bytes(body)))
        if headers[":method"] == "GET":
            (text,) = parse_qs(urlsplit(headers[":path"]).query)["dns"]
            body = bytearray(urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        peer = self.transport.get_extra_info("peername")
        asked = Asked(bytes(body), "https", peer, self.number)
        if self.upstream.doh is None:
            self.upstream.asked(asked, lambda step: self.play(stream, step))
        else:
            self.upstream.seen.append(asked)
            for step in self.upstream.doh(asked):
                self.play(stream, step)

    def play(self, stream: int, step: DohStep) -> None:
        if isinstance(step, Hangup):
            self.transport.abort()
        elif isinstance(step, GoAway):
            self.http.close_connection()
            self.flush()
            self.transport.close()
        elif isinstance(step, Reset):
            self.http.reset_stream(stream, step.error)
        elif isinstance(step, bytes | Response):
            self.respond(stream, Response(step) if isinstance(step, bytes) else step)
        self.flush()

    def respond(self, stream: int, response: Response) -> None:
        headers = [(":status", str(response.status)), ("content-type", response.kind), *response.more]
        self.http.send_headers(stream, headers)
        body = response.body
        while len(body) > 16_000 and self.http.local_flow_control_window(stream) >= 16_000:
            self.http.send_data(stream, body[:16_000])
            body = body[16_000:]
        self.http.send_data(stream, body[: self.http.local_flow_control_window(stream)], end_stream=True)
