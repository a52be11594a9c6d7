"""DNS over HTTPS and gRPC in HTTP/2: many requests at once (RFC 9113), read and written by h2."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes, Settings

from resolver.errors import WireError
from resolver.listeners.exchange import (
    MAX_HEADER,
    Asked,
    Count,
    Dialect,
    Head,
    Headers,
    Response,
)
from resolver.wire.constants import MAX_MESSAGE

_GATHERED: Final = 2 * MAX_MESSAGE  # octets of unfinished bodies on one connection
_PATIENCE: Final = 200  # requests that may be wrong or taken back, beside as many as were answered (CVE-2023-44487)


class _Connection(H2Connection):
    DEFAULT_MAX_HEADER_LIST_SIZE = MAX_HEADER
    MAX_CLOSED_STREAMS = 1000


class Http2:
    """One connection: at most ``streams`` requests at once, none while over ``hold`` octets wait for the client.

    ``extra`` gives the headers that every response has; ``dialect`` says what requests mean.
    """

    def __init__(self, count: Count, extra: Callable[[], Headers], streams: int, hold: int, dialect: Dialect) -> None:
        self.full = self.moved = self.ended = False
        self.held = 0
        self._count = count
        self._extra = extra
        self._hold = hold
        self._dialect = dialect
        self._last = False
        config = H2Configuration(client_side=False, header_encoding=None)
        config.validate_outbound_headers = config.normalize_outbound_headers = False  # ours are right as they are
        self._http = _Connection(config)
        wishes = {SettingCodes.MAX_CONCURRENT_STREAMS: streams, SettingCodes.MAX_HEADER_LIST_SIZE: MAX_HEADER}
        self._http.local_settings = Settings(client=False, initial_values=wishes)
        self._http.initiate_connection()
        self._open: set[int] = set()  # streams that are owed an answer, or the rest of one
        self._coming: dict[int, tuple[Head, bytearray]] = {}  # requests of which only a part is there
        self._cut: set[int] = set()  # streams whose request was answered before its end
        self._trailers: dict[int, Headers] = {}  # behind what is leaving
        self._leaving: dict[int, memoryview] = {}  # what the client's windows had no room for
        self._out: list[bytes] = []
        self._gathered = 0
        self._patience = _PATIENCE

    @property
    def pending(self) -> bool:
        return bool(self._coming)

    def feed(self, data: bytes) -> list[Asked]:
        if not data:
            return []
        try:
            events = self._http.receive_data(data)
        except ProtocolError as wrong:
            self.ended = True
            raise WireError(str(wrong)) from None
        found: list[Asked] = []
        for event in events:
            self._take(event, found)
        return [asked for asked in found if asked[0] in self._open]

    def awaits(self, stream: int) -> bool:
        return stream in self._open

    def respond(self, stream: int, response: Response) -> None:
        if stream not in self._open:
            return
        self._count(response.outcome)
        if response.is_good:
            self._patience = min(self._patience + 1, _PATIENCE)
        headers = [(b":status", b"%d" % response.status), *response.headers, *self._extra()]
        bare = not response.body and response.trailers is None
        try:
            self._http.send_headers(stream, headers, end_stream=bare)
        except ProtocolError:  # the connection is gone
            self._forget(stream)
            return
        if bare:
            self._done(stream)
            self._out.append(self._http.data_to_send())
            return
        if response.trailers is not None:
            self._trailers[stream] = response.trailers
        self._leaving[stream] = memoryview(response.body)
        self.held += len(response.body)
        self._send(stream)
        self._out.append(self._http.data_to_send())

    def octets(self) -> list[bytes]:
        self._out.append(self._http.data_to_send())
        out, self._out = self._out, []
        return out

    def finish(self) -> None:
        self._last = True

    def close(self) -> None:
        """GOAWAY."""
        if not self.ended:
            self.ended = True
            self._http.close_connection()

    def _take(self, event: Event, found: list[Asked]) -> None:
        if isinstance(event, RequestReceived):
            self._begin(event)
        elif isinstance(event, DataReceived):
            self._gather(event)
        elif isinstance(event, StreamEnded):
            self._complete(event.stream_id, found)
        elif isinstance(event, StreamReset):
            self._reset(event.stream_id)
        elif isinstance(event, WindowUpdated | RemoteSettingsChanged):
            for stream in list(self._leaving):
                self._send(stream)
        elif isinstance(event, ConnectionTerminated):
            self.ended = True

    def _begin(self, event: RequestReceived) -> None:
        stream = event.stream_id
        if self._last or self.held > self._hold:
            self._abandon(stream, ErrorCodes.REFUSED_STREAM)  # it may be asked again elsewhere
            return
        self._open.add(stream)
        method = target = b""
        headers: Headers = []
        for name, value in event.headers:
            if name == b":method":
                method = value
            elif name == b":path":
                target = value
            else:
                headers.append((name, value))
        head = self._dialect.head(method.decode("latin-1"), target, headers)
        refusal = self._dialect.objection(head)
        if refusal is not None:
            self._refuse(stream, refusal, early=event.stream_ended is None)
        else:
            self._coming[stream] = head, bytearray()

    def _gather(self, event: DataReceived) -> None:
        stream = event.stream_id
        self._http.acknowledge_received_data(event.flow_controlled_length, stream)
        if stream not in self._coming:
            return
        _, body = self._coming[stream]
        body += event.data
        self._gathered += len(event.data)
        refusal = self._dialect.objection_to(body)
        if len(body) > self._dialect.most or self._gathered > _GATHERED:
            refusal = self._dialect.too_large()
        if refusal is not None:
            self._withdraw(stream)
            self._refuse(stream, refusal, early=event.stream_ended is None)

    def _complete(self, stream: int, found: list[Asked]) -> None:
        self._cut.discard(stream)
        if stream not in self._coming:
            return
        head, body = self._withdraw(stream)
        query = self._dialect.query_of(head, body)
        if isinstance(query, Response):
            self._refuse(stream, query, early=False)
        else:
            found.append((stream, query))

    def _reset(self, stream: int) -> None:
        """The client takes a request back."""
        if stream in self._coming:
            self._withdraw(stream)
        self._forget(stream)
        self._endure()

    def _endure(self) -> None:
        """Another request that only cost time. Raises WireError where it is one too many."""
        self._patience -= 1
        if self._patience < 0 and not self.ended:
            self.ended = True
            self._http.close_connection(ErrorCodes.ENHANCE_YOUR_CALM)
            raise WireError("requests are wrong or taken back all the time")

    def _withdraw(self, stream: int) -> tuple[Head, bytearray]:
        head, body = self._coming.pop(stream)
        self._gathered -= len(body)
        return head, body

    def _refuse(self, stream: int, refusal: Response, *, early: bool) -> None:
        self._endure()
        if early:
            self._cut.add(stream)
        self.respond(stream, refusal)

    def _send(self, stream: int) -> None:
        """As much of an answer as the client's windows have room for."""
        rest = self._leaving[stream]
        try:
            while True:
                room = min(self._http.local_flow_control_window(stream), self._http.max_outbound_frame_size)
                if rest and room <= 0:
                    self._leaving[stream] = rest
                    return
                piece, rest = rest[:room], rest[room:]
                self.held -= len(piece)
                self.moved = True
                self._leaving[stream] = rest
                trailers = None if rest else self._trailers.get(stream)
                self._http.send_data(stream, piece, end_stream=not rest and trailers is None)
                if trailers is not None:
                    self._http.send_headers(stream, trailers, end_stream=True)
                if not rest:
                    break
        except ProtocolError:
            self._forget(stream)
            return
        self._done(stream)

    def _done(self, stream: int) -> None:
        """All of a response is on its way."""
        early = stream in self._cut
        self._forget(stream)
        if early:
            self._abandon(stream, ErrorCodes.NO_ERROR)  # the rest of the request is not wanted (RFC 9113 section 8.1)

    def _forget(self, stream: int) -> None:
        self._open.discard(stream)
        self._cut.discard(stream)
        self._trailers.pop(stream, None)
        self.held -= len(self._leaving.pop(stream, b""))

    def _abandon(self, stream: int, code: ErrorCodes) -> None:
        try:
            self._http.reset_stream(stream, code)
        except ProtocolError:
            pass  # the client was faster
