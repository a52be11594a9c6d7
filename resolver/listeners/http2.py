"""DNS over HTTPS and gRPC in HTTP/2: many requests at once (RFC 9113).

A request of DNS over HTTPS is a frame or two, as is its response; h2, which can do all of HTTP/2, takes some hundred
microseconds for them, ten times as long as what is below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resolver.errors import WireError
from resolver.listeners import frames
from resolver.listeners.exchange import MAX_HEADER, Asked, Count, Dialect, Fields, Head, Response
from resolver.listeners.fields import write_block, write_status
from resolver.listeners.heads import Heads
from resolver.wire.constants import MAX_MESSAGE

_GATHERED: Final = 2 * MAX_MESSAGE  # octets of unfinished bodies on one connection
_PATIENCE: Final = 200  # requests that may be wrong or taken back, beside as many as were answered (CVE-2023-44487)
_SPARE: Final = 1000  # frames that ask for nothing, beside some for each request that was answered
_SPARE_EACH: Final = 8
_STREAM_WINDOW: Final = 1 << 17  # the longest message fits, and no window has to be opened for one stream
_CONTINUATIONS: Final = 64  # frames that one header block may take (CVE-2024-27316)


class Http2:
    """One connection: at most ``streams`` requests at once, none while over ``hold`` octets wait for the client.

    ``extra`` gives the headers that every response has; ``dialect`` says what requests mean.
    """

    def __init__(self, count: Count, extra: Callable[[], Fields], streams: int, hold: int, dialect: Dialect) -> None:
        self.full = self.moved = self.ended = False
        self.held = 0
        self._count = count
        self._extra = extra
        self._streams = streams
        self._hold = hold
        self._dialect = dialect
        self._last = False
        self._unread = b""
        self._greeted = self._set = False  # whether the client's preface and its first settings have come
        self._heads = Heads()
        self._block: tuple[int, int, list[bytes]] | None = None  # stream, flags and pieces of headers without their end
        self._highest = 0
        self._open: set[int] = set()  # streams that are owed an answer, or the rest of one
        self._coming: dict[int, tuple[Head, bytearray]] = {}  # requests of which only a part is there
        self._cut: set[int] = set()  # streams whose request was answered before its end
        self._leaving: dict[int, tuple[memoryview, bytes]] = {}  # what the windows had no room for, and trailers
        self._room = self._first_room = frames.USUAL_WINDOW  # octets that the client takes, in all and on a new stream
        self._opened: dict[int, int] = {}  # by how much windows of streams differ from those of new ones
        self._largest = frames.MAX_FRAME
        self._window = frames.USUAL_WINDOW  # octets that we take
        self._gathered = 0
        self._patience = _PATIENCE
        self._spare = _SPARE
        wishes = {frames.MAX_CONCURRENT_STREAMS: streams, frames.MAX_HEADER_LIST_SIZE: MAX_HEADER}
        self._out: list[bytes] = [frames.settings(wishes | {frames.INITIAL_WINDOW_SIZE: _STREAM_WINDOW})]

    @property
    def pending(self) -> bool:
        return bool(self._coming or self._unread or self._block)

    def feed(self, data: bytes) -> list[Asked]:
        if not data or self.ended:
            return []
        found: list[Asked] = []
        octets = self._unread + data if self._unread else data
        self._unread = b""
        try:
            self._unread = octets[self._read(octets, found) :]
        except _Wrong as wrong:
            self._end(wrong.code)
            raise WireError(str(wrong)) from None
        except WireError:
            self._end(frames.PROTOCOL_ERROR)
            raise
        return [asked for asked in found if asked[0] in self._open]

    def awaits(self, stream: int) -> bool:
        return stream in self._open

    def respond(self, stream: int, response: Response) -> None:
        if stream not in self._open or self.ended:
            return
        self._count(response.outcome)
        if response.is_good:
            self._patience = min(self._patience + 1, _PATIENCE)
            self._spare = min(self._spare + _SPARE_EACH, _SPARE)
        body, trailers = response.body, b""
        if response.trailers is not None:
            block = write_block(response.trailers)
            trailers = frames.frame(frames.HEADERS, frames.END_HEADERS | frames.END_STREAM, stream, block)
        flags = frames.END_HEADERS | (0 if body or trailers else frames.END_STREAM)
        block = write_status(response.status) + write_block(response.headers) + write_block(self._extra())
        out = frames.frame(frames.HEADERS, flags, stream, block)
        if len(body) <= self._room and len(body) <= self._largest and len(body) <= self._room_of(stream):
            self._room -= len(body)
            if body:
                out += frames.frame(frames.DATA, 0 if trailers else frames.END_STREAM, stream, body)
            self._out.append(out + trailers)
            self.moved = True
            self._done(stream)
        else:
            self._out.append(out)
            self._leaving[stream] = memoryview(body), trailers
            self.held += len(body)
            self._send(stream)

    def octets(self) -> list[bytes]:
        out, self._out = self._out, []
        return out

    def finish(self) -> None:
        self._last = True

    def close(self) -> None:
        """GOAWAY."""
        if not self.ended:
            self._end(frames.NO_ERROR)

    # --- what comes

    def _read(self, octets: bytes, found: list[Asked]) -> int:
        """Take all frames that are whole; how many octets they were."""
        at = 0
        if not self._greeted:
            if not frames.PREFACE.startswith(octets[: len(frames.PREFACE)]):
                raise WireError("this is no HTTP/2")
            if len(octets) < len(frames.PREFACE):
                return 0
            at, self._greeted = len(frames.PREFACE), True
        while len(octets) - at >= frames.HEAD and not self.ended:
            length = int.from_bytes(octets[at : at + 3], "big")
            if length > frames.MAX_FRAME:
                raise _Wrong("a frame is too long", frames.FRAME_SIZE_ERROR)
            start, end = at + frames.HEAD, at + frames.HEAD + length
            if end > len(octets):
                break
            stream = int.from_bytes(octets[at + 5 : start], "big") & frames.MAX_WINDOW
            self._take(octets[at + 3], octets[at + 4], stream, octets[start:end], found)
            at = end
        return at

    def _take(self, kind: int, flags: int, stream: int, payload: bytes, found: list[Asked]) -> None:
        if not self._set and kind != frames.SETTINGS:
            raise WireError("settings have to come first")
        if self._block is not None and (kind != frames.CONTINUATION or stream != self._block[0]):
            raise WireError("headers are interrupted")
        if kind == frames.HEADERS:
            self._headers(stream, flags, [frames.unpadded(payload, flags)], found)
        elif kind == frames.DATA:
            self._data(stream, flags, payload, found)
        elif kind == frames.CONTINUATION:
            self._continue(stream, flags, payload, found)
        else:
            self._spend()
            self._control(kind, flags, stream, payload)

    def _headers(self, stream: int, flags: int, pieces: list[bytes], found: list[Asked]) -> None:
        if not flags & frames.END_HEADERS:
            self._block = stream, flags, pieces
            return
        if not stream & 1:
            raise WireError("a request has the number of a push")
        block = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        ended = bool(flags & frames.END_STREAM)
        if stream > self._highest:
            self._highest = stream
            self._begin(stream, self._heads.read(block), ended, found)
            return
        self._heads.blocks.read(block)
        if ended:
            self._complete(stream, found)
        elif stream in self._coming:
            raise WireError("trailers are not the end")
        else:
            self._spend()

    def _continue(self, stream: int, flags: int, payload: bytes, found: list[Asked]) -> None:
        if self._block is None:
            raise WireError("there is nothing to continue")
        _, first, pieces = self._block
        pieces.append(payload)
        if len(pieces) > _CONTINUATIONS or sum(map(len, pieces)) > MAX_HEADER:
            raise _Wrong("headers have no end", frames.ENHANCE_YOUR_CALM)
        if flags & frames.END_HEADERS:
            self._block = None
            self._headers(stream, first | frames.END_HEADERS, pieces, found)

    def _begin(self, stream: int, head: Head, ended: bool, found: list[Asked]) -> None:
        if len(self._open) >= self._streams:
            raise WireError("there are too many streams")
        if self._last or self.held > self._hold:
            self._abandon(stream, frames.REFUSED_STREAM)  # it may be asked again elsewhere
            return
        self._open.add(stream)
        query = self._dialect.at_once(head) if ended else b""
        if query:
            found.append((stream, query))
            return
        refusal = self._dialect.objection(head)
        if refusal is not None:
            self._refuse(stream, refusal, early=not ended)
            return
        self._coming[stream] = head, bytearray()
        if ended:
            self._complete(stream, found)

    def _data(self, stream: int, flags: int, payload: bytes, found: list[Asked]) -> None:
        if stream > self._highest or not stream & 1:
            raise WireError("there is data without a request")
        self._window -= len(payload)
        if self._window < 0:
            raise _Wrong("there is more data than was allowed", frames.FLOW_CONTROL_ERROR)
        if self._window < frames.USUAL_WINDOW // 2:
            grant = frames.USUAL_WINDOW - self._window
            self._window += grant
            self._out.append(frames.frame(frames.WINDOW_UPDATE, 0, 0, grant.to_bytes(4, "big")))
        data = frames.unpadded(payload, flags & frames.PADDED)
        ended = bool(flags & frames.END_STREAM)
        if not data and not ended:
            self._spend()
        if stream in self._coming:
            self._gather(stream, data, ended)
        if ended:
            self._complete(stream, found)

    def _gather(self, stream: int, data: bytes, ended: bool) -> None:
        _, body = self._coming[stream]
        body += data
        self._gathered += len(data)
        refusal = self._dialect.objection_to(body)
        if len(body) > self._dialect.most or self._gathered > _GATHERED:
            refusal = self._dialect.too_large()
        if refusal is not None:
            self._withdraw(stream)
            self._refuse(stream, refusal, early=not ended)

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

    def _control(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if kind == frames.SETTINGS:
            self._settle(flags, stream, payload)
        elif kind == frames.WINDOW_UPDATE:
            self._widen(stream, payload)
        elif kind == frames.RST_STREAM:
            if len(payload) != 4 or not stream or stream > self._highest:
                raise WireError("nothing is there to be taken back")
            self._reset(stream)
        elif kind == frames.PING:
            if len(payload) != 8 or stream:
                raise WireError("a ping is malformed")
            if not flags & frames.ACK:
                self._out.append(frames.frame(frames.PING, frames.ACK, 0, payload))
        elif kind == frames.GOAWAY:
            self.ended = True
        elif kind == frames.PUSH_PROMISE or (kind == frames.PRIORITY and len(payload) != 5):
            raise WireError("a frame is not for servers")

    def _settle(self, flags: int, stream: int, payload: bytes) -> None:
        self._set = True
        if stream or len(payload) % 6 or (flags & frames.ACK and payload):
            raise _Wrong("settings are malformed", frames.FRAME_SIZE_ERROR)
        if flags & frames.ACK:
            return
        for at in range(0, len(payload), 6):
            key, value = int.from_bytes(payload[at : at + 2], "big"), int.from_bytes(payload[at + 2 : at + 6], "big")
            if key == frames.INITIAL_WINDOW_SIZE:
                if value > frames.MAX_WINDOW:
                    raise _Wrong("a window is too wide", frames.FLOW_CONTROL_ERROR)
                self._first_room = value
            elif key == frames.MAX_FRAME_SIZE:
                if not frames.MAX_FRAME <= value < 1 << 24:
                    raise WireError("a frame size is out of range")
                self._largest = value
        self._out.append(frames.frame(frames.SETTINGS, frames.ACK, 0))
        self._send_on()

    def _widen(self, stream: int, payload: bytes) -> None:
        more = int.from_bytes(payload, "big") & frames.MAX_WINDOW
        if len(payload) != 4 or not more or stream > self._highest:
            raise WireError("a window is malformed")
        if not stream:
            self._room += more
        elif stream in self._open:
            self._opened[stream] = self._opened.get(stream, 0) + more
        if self._room > frames.MAX_WINDOW or (stream and self._room_of(stream) > frames.MAX_WINDOW):
            raise _Wrong("a window is too wide", frames.FLOW_CONTROL_ERROR)
        self._send_on()

    def _reset(self, stream: int) -> None:
        """The client takes a request back."""
        if stream in self._coming:
            self._withdraw(stream)
        self._forget(stream)
        self._endure()

    def _endure(self) -> None:
        """Another request that only cost time. Raises WireError where it is one too many."""
        self._patience -= 1
        if self._patience < 0:
            raise _Wrong("requests are wrong or taken back all the time", frames.ENHANCE_YOUR_CALM)

    def _spend(self) -> None:
        """Another frame that asks for nothing. Raises WireError where it is one too many."""
        self._spare -= 1
        if self._spare < 0:
            raise _Wrong("frames only cost time", frames.ENHANCE_YOUR_CALM)

    def _withdraw(self, stream: int) -> tuple[Head, bytearray]:
        head, body = self._coming.pop(stream)
        self._gathered -= len(body)
        return head, body

    def _refuse(self, stream: int, refusal: Response, *, early: bool) -> None:
        self._endure()
        if early:
            self._cut.add(stream)
        self.respond(stream, refusal)

    # --- what leaves

    def _room_of(self, stream: int) -> int:
        return self._first_room + self._opened.get(stream, 0)

    def _send_on(self) -> None:
        for stream in list(self._leaving):
            self._send(stream)

    def _send(self, stream: int) -> None:
        """As much of an answer as the client's windows have room for."""
        rest, trailers = self._leaving[stream]
        while rest:
            room = min(self._room, self._room_of(stream), self._largest)
            if room <= 0:
                self._leaving[stream] = rest, trailers
                return
            piece, rest = rest[:room], rest[room:]
            self._room -= len(piece)
            self._opened[stream] = self._opened.get(stream, 0) - len(piece)
            self.held -= len(piece)
            self.moved = True
            self._leaving[stream] = rest, trailers
            last = frames.END_STREAM if not rest and not trailers else 0
            self._out.append(frames.frame(frames.DATA, last, stream, piece))
        if trailers:
            self._out.append(trailers)
        self._done(stream)

    def _done(self, stream: int) -> None:
        """All of a response is on its way."""
        early = stream in self._cut
        self._forget(stream)
        if early:
            self._abandon(stream, frames.NO_ERROR)  # the rest of the request is not wanted (RFC 9113 section 8.1)

    def _forget(self, stream: int) -> None:
        self._open.discard(stream)
        self._cut.discard(stream)
        self._opened.pop(stream, None)
        if stream in self._leaving:
            self.held -= len(self._leaving.pop(stream)[0])

    def _abandon(self, stream: int, code: int) -> None:
        self._out.append(frames.frame(frames.RST_STREAM, 0, stream, code.to_bytes(4, "big")))

    def _end(self, code: int) -> None:
        if not self.ended:
            self.ended = True
            payload = self._highest.to_bytes(4, "big") + code.to_bytes(4, "big")
            self._out.append(frames.frame(frames.GOAWAY, 0, 0, payload))


class _Wrong(WireError):
    """The connection ends with this code."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code
