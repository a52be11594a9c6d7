"""DNS over HTTPS in HTTP/1.1: one request after the other (RFC 9112), read and written by h11."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, cast

import h11

from resolver.listeners.exchange import (
    MAX_HEADER,
    REASONS,
    Asked,
    Count,
    Fields,
    Head,
    Headers,
    Response,
    error,
    head_of,
    objection,
    query_of,
)
from resolver.wire.constants import MAX_MESSAGE

_ONLY: Final = 0  # the number of the one stream
_PATIENCE: Final = 50  # wrong requests that a connection may bring
_CLOSE: Final = (b"connection", b"close")


class Http1:
    """One connection. The next request is looked at when the one before it is answered."""

    def __init__(self, count: Count, extra: Callable[[], Fields]) -> None:
        self.full = self.moved = self.ended = False
        self.held = 0
        self._count = count
        self._extra = extra
        self._last = False
        self._patience = _PATIENCE
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEADER)
        self._out: list[bytes] = []
        self._head: Head | None = None
        self._method = ""
        self._status = 0  # with which a request that somebody objects to is answered at its end
        self._body = bytearray()

    @property
    def pending(self) -> bool:
        return self._head is not None or bool(self._http.trailing_data[0])

    def feed(self, data: bytes) -> list[Asked]:
        if self.ended or (self._last and not self.full and not self.pending):
            return []
        try:
            if data:
                self._http.receive_data(data)
            while not self.full and not self.ended:
                event = self._http.next_event()
                if not isinstance(event, h11.Event):
                    break  # more has to come first
                query = self._take(event)
                if query:
                    return [(_ONLY, query)]
        except h11.RemoteProtocolError as wrong:
            self.full = False
            self._refuse(wrong.error_status_hint)
        return []

    def awaits(self, stream: int) -> bool:
        return self.full

    def respond(self, stream: int, response: Response) -> None:
        if not self.full or self.ended:
            return
        self.full = False
        self._count(response.status)
        last = self._last or self._http.their_state is not h11.DONE
        headers = [*response.headers, *self._extra(), *([_CLOSE] if last else [])]
        reason = REASONS.get(response.status, b"Error")
        events: list[h11.Event] = [h11.Response(status_code=response.status, headers=headers, reason=reason)]
        if self._method != "HEAD":
            events.append(h11.Data(data=response.body))
        events.append(h11.EndOfMessage())
        self._out.append(b"".join([self._http.send(event) or b"" for event in events]))
        self._head, self._body = None, bytearray()
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
        else:
            self.ended = True

    def octets(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def finish(self) -> None:
        self._last = True

    def close(self) -> None:
        """HTTP/1.1 has no words for it."""

    def _take(self, event: h11.Event) -> bytes:
        """The query, where the event completes one."""
        if isinstance(event, h11.Request):
            self._begin(event)
        elif isinstance(event, h11.Data) and self._head is not None:
            self._body += event.data
            if self._status or len(self._body) > MAX_MESSAGE:
                self._refuse(self._status or 413)
        elif isinstance(event, h11.EndOfMessage) and self._head is not None:
            query = b"" if self._status else query_of(self._head, self._body)
            if query:
                self.full = True
                return query
            self._refuse(self._status or 400)
        return b""

    def _begin(self, request: h11.Request) -> None:
        self._method = request.method.decode("ascii")
        headers = cast(Headers, list(request.headers))
        if sum([len(name) + len(value) for name, value in headers]) > MAX_HEADER:
            self._refuse(431)
            return
        if _has_two_ends(request):
            self._last = True
            self._refuse(400)
            return
        self._head = head_of(self._method, request.target.decode("latin-1"), headers)
        self._status = objection(self._head)
        if not self._http.they_are_waiting_for_100_continue:
            return
        if self._status:
            self._refuse(self._status)
        else:
            leave = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
            self._out.append(self._http.send(leave) or b"")

    def _refuse(self, status: int) -> None:
        """Answer with an error, as long as nothing else was said about the request."""
        self._head = None
        self._patience -= 1
        self._last = self._last or self._patience <= 0
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self.full = True
            self.respond(_ONLY, error(status))
        self.ended = self.ended or self._http.their_state is h11.ERROR


def _has_two_ends(request: h11.Request) -> bool:
    """Whether another reader, such as a proxy in front, may take the request to end elsewhere (RFC 9112 section 6)."""
    names = {name for name, _ in request.headers}
    return b"transfer-encoding" in names and (b"content-length" in names or request.http_version < b"1.1")
