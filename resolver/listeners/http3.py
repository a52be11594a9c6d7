"""DNS over HTTPS in HTTP/3: one request on each stream (RFC 8484, RFC 9114), read and written by aioquic."""

from __future__ import annotations

import time
from collections.abc import Callable
from email.utils import formatdate
from typing import TYPE_CHECKING, ClassVar, Final

from aioquic.h3.connection import ErrorCode, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.events import QuicEvent, StreamDataReceived

from resolver.listeners.exchange import MAX_HEADER, Doh, Head, Headers, Response, error, head_of
from resolver.listeners.quic_client import QuicClient
from resolver.listeners.quic_library import is_over, is_reset
from resolver.wire.constants import MAX_MESSAGE

if TYPE_CHECKING:
    from aioquic.quic.connection import QuicConnection

    from resolver.listeners.quic import QuicListener
    from resolver.listeners.quic_datagrams import Ends, Origin

_MOST: Final = MAX_HEADER + MAX_MESSAGE + 1024  # octets of a request, with the frames around its parts
_GATHERED: Final = 2 * MAX_MESSAGE  # octets of unfinished bodies on one connection
_ASIDE: Final = 64 << 10  # octets on streams that are no requests, beside what each request may need there
_BOTH_WAYS_OF_CLIENT: Final = 0  # the lowest two bits of such a stream's number


class Http3Client(QuicClient):
    """One client of DNS over HTTP/3."""

    PROTOCOLS: ClassVar[tuple[str, ...]] = ("h3",)
    TRANSPORT: ClassVar[str] = "https3"
    ONE_WAY: ClassVar[int] = 16  # three are needed, others may be greased
    NO_ERROR: ClassVar[int] = ErrorCode.H3_NO_ERROR
    INTERNAL: ClassVar[int] = ErrorCode.H3_INTERNAL_ERROR
    EXCESSIVE: ClassVar[int] = ErrorCode.H3_EXCESSIVE_LOAD

    def __init__(
        self,
        listener: QuicListener,
        quic: QuicConnection,
        origin: Origin,
        ends: Ends,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(listener, quic, origin, ends)
        self._http: H3Connection | None = None
        self._dialect = Doh()
        self._clock = clock
        self._heads: dict[int, Head] = {}
        self._taken: dict[int, int] = {}  # octets of each unfinished request, as they came
        self._gathered = 0
        self._aside = 0  # octets on streams that are no requests, for which there was none yet

    def opened(self) -> None:
        self._http = H3Connection(self.quic)

    def heard(self, event: StreamDataReceived) -> None:
        http, stream = self._http, event.stream_id
        if http is None:
            return
        is_request = stream & 3 == _BOTH_WAYS_OF_CLIENT and not is_reset(self.quic, stream)
        if is_request:
            self._count(stream, event)
        else:
            self._bear(len(event.data))
        ended = False
        for found in http.handle_event(event):
            ended = self._take(found) or ended
        if event.end_stream and is_request and not ended and not is_over(self.quic):
            self._wait_for(stream)  # it is cut off, or its headers refer to what is still to come

    def taken_back(self, event: QuicEvent) -> None:
        if self._http is not None:
            self._http.handle_event(event)
        super().taken_back(event)

    def drop(self, stream: int) -> None:
        self._heads.pop(stream, None)
        self._taken.pop(stream, None)
        self._gathered -= len(self.coming.get(stream, b""))
        super().drop(stream)

    def respond(self, stream: int, answer: bytes) -> int:
        return self._respond(stream, self._dialect.response(answer))

    def _bear(self, octets: int) -> None:
        """What comes beside requests costs time, and memory where it is a frame that does not end."""
        self._aside += octets
        if self._aside > _ASIDE:
            self.end(self.EXCESSIVE, "malformed")

    def _count(self, stream: int, event: StreamDataReceived) -> None:
        """A request has its time and its size, whatever it is made of."""
        if stream not in self._taken:
            if event.end_stream:
                return
            self._wait_for(stream)
        self._taken[stream] += len(event.data)
        if self._taken[stream] > _MOST:
            self.end(self.EXCESSIVE, "malformed")

    def _wait_for(self, stream: int) -> None:
        """Give a request its time."""
        if stream not in self._taken:
            self._taken[stream] = 0
            self.coming[stream] = bytearray()
            self.listener.begun(self, stream)

    def _take(self, event: H3Event) -> bool:
        """Whether it is the end of a request that we still listen to."""
        if not isinstance(event, HeadersReceived | DataReceived) or is_reset(self.quic, event.stream_id):
            return False
        if isinstance(event, HeadersReceived):
            self._begin(event.stream_id, event.headers)
        else:
            self._gather(event.stream_id, event.data)
        if event.stream_ended:
            self._complete(event.stream_id)
        return event.stream_ended

    def _begin(self, stream: int, fields: Headers) -> None:
        if stream in self._heads:
            return  # trailers, in which nothing can be of interest
        method = target = b""
        headers: Headers = []
        size = 0
        for name, value in fields:
            size += len(name) + len(value) + 32  # as RFC 9114 section 4.2.2 counts
            if name == b":method":
                method = value
            elif name == b":path":
                target = value
            else:
                headers.append((name, value))
        head = self._heads[stream] = head_of(method.decode("latin-1"), target.decode("latin-1"), headers)
        refusal = self._dialect.objection(head) if size <= MAX_HEADER else error(431, head.method)
        if refusal is not None:
            self._turn_away(stream, refusal)

    def _gather(self, stream: int, data: bytes) -> None:
        if stream not in self._heads:
            return
        body = self.coming.setdefault(stream, bytearray())
        body += data
        self._gathered += len(data)
        if len(body) > self._dialect.most or self._gathered > _GATHERED:
            self._turn_away(stream, self._dialect.too_large())

    def _complete(self, stream: int) -> None:
        self._aside = max(0, self._aside - MAX_HEADER)
        head, body = self._heads.pop(stream, None), self.coming.get(stream, bytearray())
        self.drop(stream)
        if head is None:
            return
        query = self._dialect.query_of(head, body)
        if isinstance(query, Response):
            self._turn_away(stream, query)
        else:
            self.ask(stream, query)

    def _turn_away(self, stream: int, refusal: Response) -> None:
        """Respond before there is a query; what else comes on the stream is not looked at."""
        self.drop(stream)
        self.note(stream, self._respond(stream, refusal))
        self.endure()

    def _respond(self, stream: int, response: Response) -> int:
        if self._http is None:
            return 0
        self.listener.metrics.responded(response.outcome)
        date = formatdate(int(self._clock()), usegmt=True).encode("ascii")
        headers = [(b":status", b"%d" % response.status), *response.headers, (b"date", date)]
        self._http.send_headers(stream, headers, end_stream=not response.body)
        if response.body:
            self._http.send_data(stream, response.body, end_stream=True)
        return len(response.body) + 256
