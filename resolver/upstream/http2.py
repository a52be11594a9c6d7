"""HTTP/2 as a client of DNS over HTTPS needs it (RFC 9113), octets in and octets out. Opens nothing.

A general library spends most of a query's time on what never changes here: fields are encoded once and kept, and as
the server may keep no table of fields (SETTINGS_HEADER_TABLE_SIZE 0), equal blocks of fields mean the same and are
decoded once. hpack does the decoding.
"""

from __future__ import annotations

from functools import lru_cache
from struct import Struct
from typing import Final, NamedTuple, TypeAlias

from hpack import Decoder
from hpack.exceptions import HPACKError

from resolver.errors import WireError
from resolver.upstream.http import MAX_BODY, MAX_HEADERS, Headers

STREAMS: Final = 100  # at once; what RFC 9113 section 6.5.2 asks every server to allow
WINDOW: Final = 1 << 20  # octets of all answers together that may be under way
STREAM_WINDOW: Final = 2 * MAX_BODY  # octets, so that no answer waits for us
MAX_FRAME: Final = 16_384
DEFAULT_WINDOW: Final = 65_535
MAX_WINDOW: Final = (1 << 31) - 1
MAX_CONTROL: Final = 10_000  # frames of the peer that need an answer, beside one for each of ours

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITY_FLAG = 0x1, 0x1, 0x4, 0x8, 0x20
REFUSED_STREAM, CANCEL = 7, 8
_ERRORS: Final = (
    "NO_ERROR", "PROTOCOL_ERROR", "INTERNAL_ERROR", "FLOW_CONTROL_ERROR", "SETTINGS_TIMEOUT", "STREAM_CLOSED",
    "FRAME_SIZE_ERROR", "REFUSED_STREAM", "CANCEL", "COMPRESSION_ERROR", "CONNECT_ERROR", "ENHANCE_YOUR_CALM",
    "INADEQUATE_SECURITY", "HTTP_1_1_REQUIRED",
)  # fmt: skip
_TABLE_SIZE, _PUSH, _MAX_STREAMS, _INITIAL_WINDOW, _FRAME_SIZE, _LIST_SIZE = range(1, 7)

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_HEAD = Struct("!HBBBI")
_SETTING = Struct("!HI")
_NUMBER = Struct("!I")
_STATIC: Final = {  # RFC 7541 appendix A
    b":authority": 1, b":method": 2, b":path": 4, b":scheme": 6, b"accept": 19, b"content-length": 28,
    b"content-type": 31,
}  # fmt: skip
_INDEXED: Final = {(b":method", b"GET"): b"\x82", (b":method", b"POST"): b"\x83", (b":scheme", b"https"): b"\x87"}


class Response(NamedTuple):
    """A whole response."""

    stream: int
    headers: Headers
    body: bytes


class Failed(NamedTuple):
    """A stream that brings no response. ``untouched``: the server has not looked at the request."""

    stream: int
    untouched: bool
    reason: str


class Leaving(NamedTuple):
    """GOAWAY: streams behind ``last`` were not looked at, no more may be opened, the others go on."""

    last: int
    error: int


Event: TypeAlias = Response | Failed | Leaving


class ClientHttp2:
    """One connection from its first octet on. ``streams`` is how many the server allows at once."""

    def __init__(self) -> None:
        self.streams = STREAMS
        self.goodbye = False
        self._next = 1
        self._buffer = bytearray()
        wishes = ((_TABLE_SIZE, 0), (_PUSH, 0), (_INITIAL_WINDOW, STREAM_WINDOW), (_LIST_SIZE, MAX_HEADERS))
        settings = b"".join(_SETTING.pack(key, number) for key, number in wishes)
        widen = _NUMBER.pack(WINDOW - DEFAULT_WINDOW)
        self._out = [_PREFACE, _frame(SETTINGS, 0, 0, settings), _frame(WINDOW_UPDATE, 0, 0, widen)]
        self._open: dict[int, tuple[Headers, bytearray]] = {}
        self._block: tuple[int, int, bytearray] | None = None  # stream, flags and what has come of its fields
        self._room = DEFAULT_WINDOW
        self._initial = DEFAULT_WINDOW
        self._rooms: dict[int, int] = {}
        self._leaving: dict[int, bytes] = {}  # what the server's windows have no room for
        self._taken = 0
        self._control = 0

    @property
    def last(self) -> int:
        """The number of the stream that was opened last."""
        return self._next - 2

    def begin(self, headers: Headers, body: bytes) -> int:
        """Open a stream with a request on it."""
        stream = self._next
        self._next += 2
        block = b"".join([_field(*field) if field[0] != b":path" else _literal(*field) for field in headers])
        flags = 0 if body else END_STREAM
        if len(block) <= MAX_FRAME:
            self._out.append(_frame(HEADERS, flags | END_HEADERS, stream, block))
        else:
            self._out.append(_frame(HEADERS, flags, stream, block[:MAX_FRAME]))
            parts = [block[at : at + MAX_FRAME] for at in range(MAX_FRAME, len(block), MAX_FRAME)]
            self._out += [_frame(CONTINUATION, 0, stream, part) for part in parts[:-1]]
            self._out.append(_frame(CONTINUATION, END_HEADERS, stream, parts[-1]))
        self._open[stream] = ([], bytearray())
        if body:
            self._rooms[stream] = self._initial
            self._leaving[stream] = body
            self._send(stream)
        self._control = max(self._control - 1, 0)
        return stream

    def cancel(self, stream: int) -> None:
        """Tell the server that the response is not wanted any more."""
        if self._forget(stream):
            self._out.append(_frame(RST_STREAM, 0, stream, _NUMBER.pack(CANCEL)))

    def end(self) -> None:
        """Say goodbye."""
        if not self.goodbye:
            self.goodbye = True
            self._out.append(_frame(GOAWAY, 0, 0, bytes(8)))

    def octets(self) -> bytes:
        """What is to be sent, once."""
        out, self._out = self._out, []
        return b"".join(out)

    def feed(self, data: bytes) -> list[Event]:
        """What the octets mean. Raises WireError where they are not HTTP/2, or too much of it."""
        buffer, found, at = self._buffer, list[Event](), 0
        buffer += data
        while len(buffer) - at >= 9:
            high, low, kind, flags, stream = _HEAD.unpack_from(buffer, at)
            size = high << 8 | low
            if size > MAX_FRAME:
                raise WireError("http2: a frame is too long")
            if len(buffer) - at - 9 < size:
                break
            payload = bytes(buffer[at + 9 : at + 9 + size])
            at += 9 + size
            if self._block is not None and (kind != CONTINUATION or stream != self._block[0]):
                raise WireError("http2: fields are cut off")
            self._take(kind, flags, stream & MAX_WINDOW, payload, found)
        del buffer[:at]
        return found

    # --- frames

    def _take(self, kind: int, flags: int, stream: int, payload: bytes, found: list[Event]) -> None:
        if kind == DATA:
            self._data(flags, stream, payload, found)
        elif kind == HEADERS:
            payload = _unpadded(flags, payload)
            self._fields(stream, flags, payload[5:] if flags & PRIORITY_FLAG else payload, found)
        elif kind == CONTINUATION:
            self._fields(stream, flags, payload, found)
        elif kind == RST_STREAM:
            self._reset(stream, _number(payload), found)
        elif kind == WINDOW_UPDATE:
            self._widen(stream, _number(payload) & MAX_WINDOW)
        elif kind == SETTINGS:
            self._settings(flags, payload)
        elif kind == PING:
            self._ping(flags, payload)
        elif kind == GOAWAY:
            found.append(Leaving(_number(payload) & MAX_WINDOW, _number(payload[4:])))
        elif kind == PUSH_PROMISE:
            raise WireError("http2: the server pushes")

    def _data(self, flags: int, stream: int, payload: bytes, found: list[Event]) -> None:
        self._taken += len(payload)
        if self._taken > WINDOW // 2:
            self._out.append(_frame(WINDOW_UPDATE, 0, 0, _NUMBER.pack(self._taken)))
            self._taken = 0
        coming = self._open.get(stream)
        if coming is None:
            if not stream & 1 or stream > self.last:
                raise WireError("http2: data on a stream that was never opened")
            return
        coming[1].extend(_unpadded(flags, payload))
        if len(coming[1]) > MAX_BODY:
            self.cancel(stream)
            found.append(Failed(stream, False, "the response is longer than any DNS message"))
        elif flags & END_STREAM:
            self._complete(stream, found)

    def _fields(self, stream: int, flags: int, part: bytes, found: list[Event]) -> None:
        if self._block is None:
            if not stream & 1 or stream > self.last:
                raise WireError("http2: fields on a stream that was never opened")
            self._block = (stream, flags, bytearray())
        _, first, block = self._block
        block += part
        if len(block) > MAX_HEADERS:
            raise WireError("http2: too many fields")
        if not flags & END_HEADERS:
            return
        self._block = None
        headers = _decoded(bytes(block))
        coming = self._open.get(stream)
        if coming is None:
            return
        if not any(name == b":status" and value[:1] == b"1" for name, value in headers):
            coming[0].extend(headers if not coming[0] else ())  # trailers say nothing that we know
        if first & END_STREAM:
            self._complete(stream, found)

    def _complete(self, stream: int, found: list[Event]) -> None:
        headers, body = self._open[stream]
        if stream in self._leaving:  # answered before it was all asked; the rest is not sent
            self.cancel(stream)
        else:
            self._forget(stream)
        found.append(Response(stream, headers, bytes(body)))

    def _reset(self, stream: int, error: int, found: list[Event]) -> None:
        if self._forget(stream):
            found.append(Failed(stream, error == REFUSED_STREAM, f"stream reset, error {error_name(error)}"))

    def _settings(self, flags: int, payload: bytes) -> None:
        if flags & ACK:
            return
        if len(payload) % _SETTING.size:
            raise WireError("http2: settings are cut off")
        for key, number in _SETTING.iter_unpack(payload):
            if key == _MAX_STREAMS:
                self.streams = number
            elif key == _INITIAL_WINDOW:
                if number > MAX_WINDOW:
                    raise WireError("http2: a window is too large")
                for stream in self._rooms:
                    self._rooms[stream] += number - self._initial
                self._initial = number
        self._answer(_frame(SETTINGS, ACK, 0, b""))
        for stream in list(self._leaving):
            self._send(stream)

    def _ping(self, flags: int, payload: bytes) -> None:
        if len(payload) != 8:
            raise WireError("http2: a ping is cut off")
        if not flags & ACK:
            self._answer(_frame(PING, ACK, 0, payload))

    def _answer(self, frame: bytes) -> None:
        self._control += 1
        if self._control > MAX_CONTROL:
            raise WireError("http2: the server wants too much attention")
        self._out.append(frame)

    # --- sending

    def _widen(self, stream: int, octets: int) -> None:
        if stream == 0:
            self._room += octets
            for waiting in list(self._leaving):
                self._send(waiting)
        elif stream in self._leaving:
            self._rooms[stream] += octets
            self._send(stream)
        if self._room > MAX_WINDOW or self._rooms.get(stream, 0) > MAX_WINDOW:
            raise WireError("http2: a window is too large")

    def _send(self, stream: int) -> None:
        body = self._leaving[stream]
        while True:
            size = min(len(body), self._room, self._rooms[stream], MAX_FRAME)
            if size <= 0:
                self._leaving[stream] = body
                return
            whole = size == len(body)
            self._out.append(_frame(DATA, END_STREAM if whole else 0, stream, body[:size]))
            self._room -= size
            self._rooms[stream] -= size
            if whole:
                del self._leaving[stream], self._rooms[stream]
                return
            body = body[size:]

    def _forget(self, stream: int) -> bool:
        self._leaving.pop(stream, None)
        self._rooms.pop(stream, None)
        return self._open.pop(stream, None) is not None


def error_name(code: int) -> str:
    """An error as the RFC names it."""
    return _ERRORS[code] if code < len(_ERRORS) else str(code)


def _frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    size = len(payload)
    return _HEAD.pack(size >> 8, size & 0xFF, kind, flags, stream) + payload


def _number(payload: bytes) -> int:
    if len(payload) < 4:
        raise WireError("http2: a frame is cut off")
    return int.from_bytes(payload[:4], "big")


def _unpadded(flags: int, payload: bytes) -> bytes:
    if not flags & PADDED:
        return payload
    if not payload or payload[0] >= len(payload):
        raise WireError("http2: padding is longer than its frame")
    return payload[1 : len(payload) - payload[0]]


# --- fields (RFC 7541)


@lru_cache(maxsize=512)
def _field(name: bytes, value: bytes) -> bytes:
    """A field of a request that often comes again."""
    return _INDEXED.get((name, value)) or _literal(name, value)


def _literal(name: bytes, value: bytes) -> bytes:
    """A field that no table keeps, not even those of proxies: what is asked for is nobody's business."""
    return _integer(0x10, 4, _STATIC[name]) + _integer(0, 7, len(value)) + value


def _integer(first: int, bits: int, number: int) -> bytes:
    most = (1 << bits) - 1
    if number < most:
        return bytes((first | number,))
    out, number = bytearray((first | most,)), number - most
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


@lru_cache(maxsize=1024)
def _decoded(block: bytes) -> Headers:
    """The fields of a block that refers to no others. Raises WireError."""
    decoder = Decoder(max_header_list_size=MAX_HEADERS)
    decoder.max_allowed_table_size = 0
    decoder.header_table_size = 0
    try:
        return [(bytes(name), bytes(value)) for name, value in decoder.decode(block, raw=True)]
    except HPACKError as error:
        raise WireError(f"http2: fields cannot be read: {error}") from None
