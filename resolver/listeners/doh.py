"""DNS over HTTPS: the connections are limited and timed like those of DNS over TCP, what they carry is HTTP (RFC 8484).

HTTP/1.1 and HTTP/2 are told apart by what TLS has agreed upon. What reads and writes them is imported aside from the
event loop when the first listener opens, as that takes a tenth of a second.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Final

from resolver.chain.capabilities import ListenSettings
from resolver.errors import WireError
from resolver.listeners.connection import ANSWER, IDLE, READ, WRITE, Answer, Connection
from resolver.listeners.exchange import Asked, Codec, Dialect, Doh, Fields
from resolver.listeners.tcp import StreamMetrics, TcpListener
from resolver.telemetry.metrics import Cell, Family, Registry

if TYPE_CHECKING:
    import socket
    import ssl

    from resolver.listeners.connection import Serve

PROTOCOLS: Final = ("h2", "http/1.1")
TRANSPORT: Final = "https"
_PIECE: Final = 16 << 10  # octets that are looked at in one turn of the loop


class WebMetrics(StreamMetrics):
    """Connections and responses of one listener. ``responses`` has the labels server and outcome."""

    def __init__(self, registry: Registry, server: str, transport: str, responses: Family) -> None:
        super().__init__(registry, server, transport)
        self._server = server
        self._responses = responses
        self._cells: dict[int, Cell] = {}

    def responded(self, outcome: int) -> None:
        """A request has its response."""
        cell = self._cells.get(outcome)
        if cell is None:
            cell = self._cells[outcome] = self._responses.cell(self._server, str(outcome))
        cell.value += 1


class HttpsMetrics(WebMetrics):
    """Responses are counted by HTTP status."""

    def __init__(self, registry: Registry, server: str) -> None:
        name, told = "coredns_dns_https_responses_total", "Responses of DNS over HTTPS, by HTTP status."
        super().__init__(registry, server, TRANSPORT, registry.counter(name, told, ("server", "status")))


class HttpsListener(TcpListener):
    """Serves DNS over HTTPS on one listening socket, as TcpListener serves DNS over TCP.

    ``serve`` must not answer with several messages. Of the settings, ``https_connections`` limits the connections.
    ``clock`` is the time of day in seconds, for the header ``date``.
    """

    metrics: WebMetrics
    protocol: ClassVar[str] = TRANSPORT
    dialect: Dialect

    def __init__(
        self,
        sock: socket.socket,
        settings: ListenSettings,
        serve: Serve,
        *,
        tls: ssl.SSLContext | None,
        metrics: WebMetrics,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(sock, self.own(settings), serve, transport=self.protocol, tls=tls, metrics=metrics)
        self.dialect = Doh()
        self._clock = clock
        self._date: tuple[int, Fields] = (0, ())
        self._codecs: tuple[Any, Any] | None = None

    def update(self, settings: ListenSettings | None = None, serve: Serve | None = None) -> None:
        super().update(self.own(settings) if settings is not None else None, serve)

    @staticmethod
    def own(settings: ListenSettings) -> ListenSettings:
        """The settings with the limits of this kind of listener."""
        return replace(settings, max_connections=settings.https_connections)

    def codec(self, protocol: str | None) -> Codec:
        """What speaks a protocol that TLS has agreed upon; who agrees upon nothing means HTTP/1.1."""
        first, second = self._codecs or _codecs()
        codec: Codec
        if protocol == "h2":
            limits = self.limits
            codec = second(self.metrics.responded, self.dated, limits.in_flight, limits.write_buffer, self.dialect)
        else:
            codec = first(self.metrics.responded, self.dated)
        return codec

    def dated(self) -> Fields:
        """The headers that every response has."""
        now = int(self._clock())
        if now != self._date[0]:
            self._date = now, ((b"date", formatdate(now, usegmt=True).encode("ascii")),)
        return self._date[1]

    async def _open(self) -> None:
        self._codecs = await self.loop.run_in_executor(None, _codecs)
        await super()._open()

    def connection(self) -> Connection:
        """One client's end."""
        return HttpsConnection(self)


class HttpsConnection(Connection):
    """One client: requests in, responses out."""

    __slots__ = ("codec", "streams", "unread", "web")

    def __init__(self, listener: HttpsListener) -> None:
        super().__init__(listener)
        self.web = listener
        self.codec: Codec | None = None
        self.unread = b""
        self.streams: deque[int] = deque()  # on which the queries of the backlog came, in their order

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        session = transport.get_extra_info("ssl_object")
        self.codec = self.web.codec(session.selected_alpn_protocol() if session is not None else None)
        super().connection_made(transport)
        self._write(progress=True)

    def data_received(self, data: bytes) -> None:
        waiting = bool(self.unread)
        self.unread += data
        if not waiting:
            self._read_on()

    def _read_on(self) -> None:
        """Look at a piece of what came; all others of this loop have their turn before the next."""
        codec = self.codec
        if codec is None or codec.ended or self.stream is None:
            self.unread = b""
            return
        data, self.unread = self.unread[:_PIECE], self.unread[_PIECE:]
        asked: list[Asked] = []
        try:
            asked = codec.feed(data)
        except WireError:
            self.listener.metrics.closed("malformed")
            self.ending = True
        self._queue(asked)
        if self.unread:
            self.listener.loop.call_soon(self._read_on)

    def _queue(self, asked: list[Asked]) -> None:
        if not self.backlog:
            self.streams.clear()  # of queries that were one too many
        self.streams.extend([stream for stream, _ in asked])
        self._take([packet for _, packet in asked])

    def _serve(self, packet: bytes) -> None:
        stream, codec, listener = self.streams.popleft(), self.codec, self.listener
        if codec is None or not codec.awaits(stream):
            return
        self.served += 1
        self.in_flight += 1
        send = partial(self._answered_on, stream)
        try:
            answer = listener.serve(packet, self.client, self.local, listener.transport, send)
        except Exception:
            listener.metrics.closed("error")
            self.ending = True
            answer = b""
        if answer is not None:
            self._settle(stream, answer)

    def _answered_on(self, stream: int, answer: Answer) -> None:
        """An answer that took its time."""
        if self.stream is None:
            return
        self._settle(stream, answer)
        self._flush_soon()

    def _settle(self, stream: int, answer: Answer) -> None:
        """One query has its answer; what was read behind it is looked at now."""
        self.in_flight -= 1
        if self.codec is None:
            return
        if not isinstance(answer, bytes):
            answer.close()
            answer = b""
        self.codec.respond(stream, self.web.dialect.response(answer))
        if self.ending:
            return
        try:
            asked = self.codec.feed(b"")
        except WireError:
            self.ending = True
            return
        if asked:
            self.streams.extend([stream for stream, _ in asked])
            self.backlog.extend([packet for _, packet in asked])

    def _write(self, progress: bool) -> None:
        stream, codec = self.stream, self.codec
        if stream is None or codec is None:
            return
        if self.ending:
            codec.finish()
        self._put(stream, codec)
        self._may_ask()
        self.ending = self.ending or codec.ended
        self._rest(progress)
        codec.moved = False

    def _rest(self, progress: bool) -> None:
        stream, codec = self.stream, self.codec
        if stream is None or codec is None:
            return
        busy = bool(self.in_flight or self.backlog)
        if not stream.is_closing() and (codec.ended or (self.ending and not busy and not codec.held)):
            codec.close()
            self._put(stream, codec)
            stream.close()
        if self.choked or stream.is_closing() or codec.held:
            wait = WRITE
        elif busy:
            wait = ANSWER
        else:
            wait = READ if codec.pending or not self.served else IDLE
        self._read_or_pause(self.choked or self._has_enough(codec))
        progress = codec.moved if wait == WRITE else progress
        if self.stream is not None and (progress or wait != self.wait):
            old, self.wait = self.wait, wait
            self.listener.wait(self, old, wait)

    def _put(self, stream: asyncio.Transport, codec: Codec) -> None:
        """Each response has a TLS record of its own: dnsperf loses all but one of those that it reads at once."""
        octets = codec.octets()
        if octets and not stream.is_closing():
            stream.writelines(octets)

    def _has_enough(self, codec: Codec) -> bool:
        return bool(self.backlog or self.unread) or self.in_flight >= self.listener.limits.in_flight or codec.full

    def _forget(self) -> None:
        super()._forget()
        self.codec = None
        self.unread = b""
        self.streams.clear()


def _codecs() -> tuple[Any, Any]:
    """What speaks HTTP/1.1 and HTTP/2."""
    return (
        import_module("resolver.listeners.http1").Http1,
        import_module("resolver.listeners.http2").Http2,
    )
