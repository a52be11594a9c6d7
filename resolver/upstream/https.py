"""Exchanges over HTTPS (RFC 8484) in HTTP/2: a stream for each query, on connections that are kept."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from resolver.errors import UpstreamError
from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.connection import Connection, OctetConnection
from resolver.upstream.exchange import Outcome, Request, finish
from resolver.upstream.http import Requests, read_response
from resolver.upstream.http2 import STREAMS, ClientHttp2, Failed, Leaving, Response, error_name
from resolver.upstream.kept import KeptConnections
from resolver.upstream.tls import ClientTls

LAST_STREAM: Final = 1 << 30  # long before the numbers end


@dataclass(slots=True)
class Peer:
    """What is known of a server: how it is asked, and how many streams it allows on a connection."""

    requests: Requests
    streams: int = STREAMS


class HttpsConnection(OctetConnection):
    """A connection on which the key is the number of the stream."""

    protocol: ClassVar[str] = "h2"
    pipelines: ClassVar[bool] = True

    def __init__(
        self,
        loop: AbstractEventLoop,
        address: Address,
        now: float,
        on_heard: Callable[[Connection], None],
        on_lost: Callable[[Connection, str, Exception | None], None],
        peer: Peer,
        again: Callable[[Connection, int, str], None],
    ) -> None:
        super().__init__(loop, address, now, on_heard, on_lost)
        self.depth = self.most = peer.streams
        self._peer = peer
        self._again = again
        self._http = ClientHttp2()

    def begin(self, future: Future[Outcome], request: Request, deadline: float) -> int:
        stream = self._http.begin(*self._peer.requests.make(request))
        self.pending[stream] = (future, request, deadline)
        if stream > LAST_STREAM:
            self.retired = True
        self.send_soon()
        return stream

    def withdraw(self, key: int) -> None:
        """The server need not go on with it."""
        self._http.cancel(key)
        self.send_soon()

    def octets(self) -> bytes:
        return self._http.octets()

    def take(self, data: bytes) -> bool:
        for event in self._http.feed(data):
            if isinstance(event, Response):
                self._answered(event)
            elif isinstance(event, Failed):
                self._failed(event)
            else:
                self._leave(event)
        streams = max(1, min(STREAMS, self._http.streams))
        self.depth = self.most = self._peer.streams = streams
        self.send_soon()
        return bool(data)

    def close(self) -> None:
        """Say goodbye, if there is somebody to hear it."""
        self._http.end()
        self._flush()
        super().close()

    def _answered(self, response: Response) -> None:
        waiting = self.pending.get(response.stream)
        if waiting is None:
            return
        self.answered += 1
        answer = read_response(response.headers, response.body, waiting[1])
        self.forget(response.stream)
        finish(waiting[0], UpstreamError(f"{self.way()}: {answer}") if isinstance(answer, str) else answer)

    def _failed(self, event: Failed) -> None:
        if event.untouched:
            self._again(self, event.stream, event.reason)
            return
        waiting = self.pending.get(event.stream)
        if waiting is not None:
            self.forget(event.stream)
            finish(waiting[0], UpstreamError(f"{self.way()}: {event.reason}"))

    def _leave(self, event: Leaving) -> None:
        """GOAWAY: what the server has not looked at begins anew on another connection; for the rest it is waited."""
        self.retired = True
        for stream in [stream for stream in self.pending if stream > event.last]:
            self._again(self, stream, f"the server goes away, error {error_name(event.error)}")


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
