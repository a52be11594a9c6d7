"""Exchanges over HTTPS (RFC 8484) in HTTP/2 (RFC 9113): a stream for each query, read and written by h2."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final, TypeAlias

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import H2Error
from h2.settings import SettingCodes, Settings

from resolver.errors import UpstreamError, WireError
from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.connection import Connection
from resolver.upstream.exchange import Outcome, Request, finish
from resolver.upstream.http import MAX_BODY, MAX_HEADERS, Headers, Requests, read_response
from resolver.upstream.kept import KeptConnections
from resolver.upstream.tls import ClientTls

STREAMS: Final = 100  # at once; what RFC 9113 section 6.5.2 asks every server to allow
WINDOW: Final = 1 << 20  # octets of all answers together that may be under way
STREAM_WINDOW: Final = 2 * MAX_BODY  # octets, so that no answer waits for us
LAST_STREAM: Final = 1 << 30  # long before the numbers end

Lost: TypeAlias = Callable[[Connection, str, Exception | None], None]


@dataclass(slots=True)
class Peer:
    """What is known of a server: how it is asked, and how many streams it allows on a connection."""

    requests: Requests
    streams: int = STREAMS


class _Http2(H2Connection):
    DEFAULT_MAX_HEADER_LIST_SIZE = MAX_HEADERS
    MAX_CLOSED_STREAMS = 1000


class HttpsConnection(Connection):
    """A connection on which the key is the number of the stream."""

    protocol: ClassVar[str] = "h2"
    pipelines: ClassVar[bool] = True

    def __init__(
        self,
        loop: AbstractEventLoop,
        address: Address,
        now: float,
        on_heard: Callable[[Connection], None],
        on_lost: Lost,
        peer: Peer,
        again: Callable[[Connection, int, str], None],
    ) -> None:
        super().__init__(loop, address, now, on_heard, on_lost)
        self.depth = self.most = peer.streams
        self._peer = peer
        self._again = again
        self._coming: dict[int, tuple[Headers, bytearray]] = {}
        self._leaving: dict[int, memoryview] = {}  # what the peer's windows have no room for
        config = H2Configuration(client_side=True, header_encoding=None)
        config.validate_outbound_headers = config.normalize_outbound_headers = False  # ours are right as they are
        self._http = _Http2(config)
        wishes = {
            SettingCodes.ENABLE_PUSH: 0,
            SettingCodes.INITIAL_WINDOW_SIZE: STREAM_WINDOW,
            SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEADERS,
        }
        self._http.local_settings = Settings(client=True, initial_values=wishes)
        self._http.initiate_connection()
        self._http.increment_flow_control_window(WINDOW)

    def begin(self, future: Future[Outcome], request: Request, deadline: float) -> int:
        headers, body = self._peer.requests.make(request)
        stream = self._http.get_next_available_stream_id()
        self.pending[stream] = (future, request, deadline)
        try:
            self._http.send_headers(stream, headers, end_stream=not body)
        except H2Error:  # the peer has lowered its limits in this very turn
            self._loop.call_soon(self._again, self, stream, "too many streams")
            return stream
        if body:
            self._leaving[stream] = memoryview(body)
            self._send_body(stream)
        if stream > LAST_STREAM:
            self.retired = True
        self.send_soon()
        return stream

    def withdraw(self, key: int) -> None:
        """The peer need not go on with it."""
        self._drop(key)
        try:
            self._http.reset_stream(key, ErrorCodes.CANCEL)
        except H2Error:
            return
        self.send_soon()

    def octets(self) -> bytes:
        return self._http.data_to_send()

    def take(self, data: bytes) -> bool:
        if not data:
            return False
        try:
            events = self._http.receive_data(data)
        except H2Error as wrong:
            raise WireError(f"http2: {wrong}") from None
        for event in events:
            self._hear(event)
        self.send_soon()
        return True

    def close(self) -> None:
        """Say goodbye, if there is somebody to hear it."""
        try:
            self._http.close_connection()
            self._flush()
        except H2Error:
            pass
        super().close()

    def _hear(self, event: Event) -> None:
        if isinstance(event, ResponseReceived):
            if event.stream_id in self.pending:
                self._coming[event.stream_id] = (event.headers, bytearray())
        elif isinstance(event, DataReceived):
            self._gather(event)
        elif isinstance(event, StreamEnded):
            self._complete(event.stream_id)
        elif isinstance(event, StreamReset):
            self._reset(event)
        elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
            self._widen()
        elif isinstance(event, ConnectionTerminated):
            self._end(event)

    def _gather(self, event: DataReceived) -> None:
        stream = event.stream_id
        self._http.acknowledge_received_data(event.flow_controlled_length, stream)
        coming = self._coming.get(stream)
        if coming is None:
            return
        coming[1].extend(event.data)
        if len(coming[1]) > MAX_BODY:
            self._finish(stream, UpstreamError(f"{self.way()}: the response is longer than any DNS message"))
            self.withdraw(stream)

    def _complete(self, stream: int) -> None:
        headers, body = self._coming.pop(stream, ([], b""))
        waiting = self.pending.get(stream)
        if waiting is None:
            return
        answer = read_response(headers, bytes(body), waiting[1])
        self.answered += 1
        self._finish(stream, UpstreamError(f"{self.way()}: {answer}") if isinstance(answer, str) else answer)

    def _reset(self, event: StreamReset) -> None:
        stream = event.stream_id
        self._drop(stream)
        if stream not in self.pending:
            return
        if event.error_code == ErrorCodes.REFUSED_STREAM:  # it was not looked at (RFC 9113 section 8.7)
            self._again(self, stream, "the stream was refused")
        else:
            self._finish(stream, UpstreamError(f"{self.way()}: stream reset, error {_named(event.error_code)}"))

    def _end(self, event: ConnectionTerminated) -> None:
        """GOAWAY: what is under way begins anew on another connection, as h2 reads no more of this one."""
        self._on_lost(self, f"{self.way()}: the server goes away, error {_named(event.error_code)}", None)
        self.close()

    def _finish(self, stream: int, outcome: Outcome) -> None:
        waiting = self.pending.get(stream)
        if waiting is not None:
            self.forget(stream)
            finish(waiting[0], outcome)

    def _drop(self, stream: int) -> None:
        self._coming.pop(stream, None)
        self._leaving.pop(stream, None)

    def _widen(self) -> None:
        streams = max(1, min(STREAMS, self._http.remote_settings.max_concurrent_streams))
        self.depth = self.most = self._peer.streams = streams
        for stream in list(self._leaving):
            self._send_body(stream)

    def _send_body(self, stream: int) -> None:
        http, body = self._http, self._leaving[stream]
        while body:
            size = min(len(body), http.local_flow_control_window(stream), http.max_outbound_frame_size)
            if size <= 0:
                self._leaving[stream] = body
                return
            http.send_data(stream, body[:size], end_stream=size == len(body))
            body = body[size:]
        del self._leaving[stream]


class HttpsExchanges(KeptConnections):
    """All exchanges with one upstream over HTTPS."""

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
        self._peer = Peer(Requests(address))

    def _connection(self, now: float) -> Connection:
        return HttpsConnection(self._loop, self._address, now, self._heard, self._lost, self._peer, self._begin_again)


def _named(code: ErrorCodes | int | None) -> str:
    return code.name if isinstance(code, ErrorCodes) else str(code)
