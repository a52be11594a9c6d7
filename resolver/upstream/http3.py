"""Exchanges over HTTPS (RFC 8484) in HTTP/3 (RFC 9114): a stream for each query."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, ClassVar, Final

from aioquic.h3.connection import ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.events import QuicEvent, StreamReset

from resolver.errors import UpstreamError
from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.connection import Connection
from resolver.upstream.http import MAX_BODY, MAX_HEADERS, Headers, Requests, read_response
from resolver.upstream.kept import KeptConnections
from resolver.upstream.quic_link import QuicLink, Remembered
from resolver.upstream.tls import ClientTls

_PER_FIELD: Final = 32  # octets that RFC 9114 section 4.2.2 adds to each


class Http3Link(QuicLink):
    """A connection of HTTP/3."""

    protocol: ClassVar[str] = "h3"
    NO_ERROR: ClassVar[int] = ErrorCode.H3_NO_ERROR
    PROTOCOL_ERROR: ClassVar[int] = ErrorCode.H3_GENERAL_PROTOCOL_ERROR
    CANCELLED: ClassVar[int] = ErrorCode.H3_REQUEST_CANCELLED

    def __init__(self, requests: Requests, *rest: Any) -> None:
        super().__init__(*rest)
        self._requests = requests
        self._http: H3Connection | None = None
        self._coming: dict[int, tuple[Headers, bytearray]] = {}

    def ready(self) -> None:
        if self._quic is not None:
            self._http = H3Connection(self._quic)

    def speak(self, stream: int) -> None:
        waiting = self.pending.get(stream)
        if self._http is None or self._quic is None:
            return
        if waiting is None:  # nobody waits for it any more, but it has its number
            self._quic.reset_stream(stream, self.CANCELLED)
            return
        headers, body = self._requests.make(waiting[1])
        self._http.send_headers(stream, headers, end_stream=not body)
        if body:
            self._http.send_data(stream, body, end_stream=True)

    def withdraw(self, key: int) -> None:
        self._coming.pop(key, None)
        super().withdraw(key)

    def hear(self, event: QuicEvent) -> None:
        if self._http is None:
            return
        for found in self._http.handle_event(event):
            self._take(found)
        if isinstance(event, StreamReset):
            self._coming.pop(event.stream_id, None)
            code = _named(event.error_code)
            self.answer(event.stream_id, UpstreamError(f"{self.way()}: stream reset, error {code}"))

    def _take(self, event: H3Event) -> None:
        if not isinstance(event, HeadersReceived | DataReceived) or event.stream_id not in self.pending:
            return
        stream = event.stream_id
        if isinstance(event, HeadersReceived):
            self._head(stream, event.headers)
        else:
            _, body = self._coming.get(stream, ([], bytearray()))
            body += event.data
            if len(body) > MAX_BODY:
                self._give_up(stream, "the response is longer than any DNS message")
                return
        if event.stream_ended:
            self._complete(stream)

    def _head(self, stream: int, headers: Headers) -> None:
        if sum(len(name) + len(value) + _PER_FIELD for name, value in headers) > MAX_HEADERS:
            self._give_up(stream, "the fields of the response are too long")
        elif stream not in self._coming and not _is_interim(headers):
            self._coming[stream] = headers, bytearray()

    def _give_up(self, stream: int, why: str) -> None:
        self.answer(stream, UpstreamError(f"{self.way()}: {why}"))
        self.withdraw(stream)

    def _complete(self, stream: int) -> None:
        headers, body = self._coming.pop(stream, ([], bytearray()))
        waiting = self.pending.get(stream)
        if waiting is None:
            return
        answer = read_response(headers, bytes(body), waiting[1])
        self.answered += 1
        self.answer(stream, UpstreamError(f"{self.way()}: {answer}") if isinstance(answer, str) else answer)


class Http3Exchanges(KeptConnections):
    """All exchanges with one upstream over HTTP/3."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Callable[[], float],
        address: Address,
        limits: Limits,
        hits: Cell,
        misses: Cell,
        tls: ClientTls | None,
    ) -> None:
        super().__init__(loop, clock, address, limits, hits, misses, tls)
        self._remembered = Remembered()
        self._requests = Requests(address)

    def _connection(self, now: float) -> Connection:
        return Http3Link(self._requests, self._loop, self._address, now, self._heard, self._lost, self._remembered)


def _is_interim(headers: Headers) -> bool:
    """Whether another response follows (RFC 9110 section 15.2)."""
    return any(name == b":status" and value.startswith(b"1") for name, value in headers)


def _named(code: int) -> str:
    try:
        return ErrorCode(code).name
    except ValueError:
        return f"{code:#x}"
