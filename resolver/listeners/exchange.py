"""What DNS over HTTPS asks and answers (RFC 8484), whichever version of HTTP carries it. Pure: no sockets, no clock."""

from __future__ import annotations

import re
import struct
from binascii import a2b_base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Protocol
from urllib.parse import parse_qsl, urlsplit

from resolver.errors import EdnsError, WireError
from resolver.wire.constants import HEADER_SIZE, MAX_MESSAGE, NOERROR, NXDOMAIN, SOA
from resolver.wire.message import ANSWER, AUTHORITY, Message, Span, scan

PATH: Final = "/dns-query"
MEDIA_TYPE: Final = b"application/dns-message"
MAX_TARGET: Final = 8192  # octets of path and what follows; four times what the longest honest question takes
MAX_HEADER: Final = 16384  # octets of all header fields
_MAX_FIELDS: Final = 16  # parameters of a URL
_CODED: Final = re.compile(r"[A-Za-z0-9_-]*")
_USUAL: Final = re.compile(PATH + r"\?dns=([A-Za-z0-9_-]*)")  # just the parameter, nothing to be decoded in it
_RECORD: Final = struct.Struct("!HHHIH")  # owner as a pointer, type, class, TTL, length of what follows
_HIGHEST_TTL: Final = 0x7FFFFFFF  # RFC 2181 section 8
_PADDING: Final = ("", "===", "==", "=")
_LATIN: Final = "latin-1"

REASONS: Final = {
    200: b"OK",
    400: b"Bad Request",
    404: b"Not Found",
    405: b"Method Not Allowed",
    413: b"Content Too Large",
    414: b"URI Too Long",
    415: b"Unsupported Media Type",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
}

Headers = list[tuple[bytes, bytes]]
Fields = tuple[tuple[bytes, bytes], ...]
"""Headers that are written, as often as not again and again."""
Asked = tuple[int, bytes]
"""A query and the number of the stream on which its answer is awaited."""


class Head(NamedTuple):
    """A request without its body. ``length`` is what the client says of the body, 0 where it does not."""

    method: str
    target: str
    media_type: str
    length: int


@dataclass(frozen=True, slots=True)
class Response:
    """What goes back to the client; names in ``headers`` and ``trailers`` are in lower case.

    ``code`` is how a call of gRPC went.
    """

    status: int
    headers: Fields
    body: bytes
    trailers: Fields | None = None
    code: int | None = None

    @property
    def outcome(self) -> int:
        """As what it is counted: the code of gRPC, or the status of HTTP."""
        return self.status if self.code is None else self.code

    @property
    def is_good(self) -> bool:
        """Whether the request was one that could be answered."""
        return not self.code if self.code is not None else self.status == 200


class Dialect(Protocol):
    """What requests and responses of HTTP/2 mean. ``most`` is how many octets a body may have."""

    most: int

    def at_once(self, head: Head) -> bytes:
        """The message in a request without a body that is written as most are; empty where one has to look closer."""

    def objection(self, head: Head) -> Response | None:
        """The response with which a request is refused before its body is read."""

    def objection_to(self, body: bytearray) -> Response | None:
        """The response with which a request is refused for the beginning of its body."""

    def too_large(self) -> Response:
        """The response to a body that is too long."""

    def query_of(self, head: Head, body: bytearray) -> bytes | Response:
        """The message in a complete request, or the response that says why there is none."""

    def response(self, answer: bytes) -> Response:
        """The response with an answer, which is empty where nobody answers."""


class Codec(Protocol):
    """One connection's HTTP: octets in, queries out; answers in, octets out.

    ``full`` while no more should be read, ``held`` octets wait until the client takes them, ``moved`` when some of
    those have left since it was last reset, ``pending`` while a request has come in part, ``ended`` when nothing more
    will be answered.
    """

    full: bool
    held: int
    moved: bool
    ended: bool

    @property
    def pending(self) -> bool: ...

    def feed(self, data: bytes) -> list[Asked]:
        """The queries that are complete now; what is wrong is answered here. Raises WireError for what is no HTTP."""

    def awaits(self, stream: int) -> bool:
        """Whether the client still wants the answer of a stream."""

    def respond(self, stream: int, response: Response) -> None:
        """The answer of a stream; its client may be gone."""

    def octets(self) -> list[bytes]:
        """What is to be sent now, each response in a piece of its own."""

    def finish(self) -> None:
        """Take no more requests."""

    def close(self) -> None:
        """Tell the client that the connection is at its end."""


Count = Callable[[int], None]
"""Is told the outcome of every response."""


class Doh:
    """DNS over HTTPS (RFC 8484)."""

    most = MAX_MESSAGE

    def at_once(self, head: Head) -> bytes:
        """The message of a usual GET; empty for all else."""
        return _of_usual_target(head.target) if head.method == "GET" else b""

    def objection(self, head: Head) -> Response | None:
        """The response to what is wrong without its body."""
        status = objection(head)
        return error(status, head.method) if status else None

    def objection_to(self, body: bytearray) -> Response | None:
        """Nothing can be said before the end."""
        return None

    def too_large(self) -> Response:
        """The response to a body that is too long."""
        return error(413)

    def query_of(self, head: Head, body: bytearray) -> bytes | Response:
        """The message, or the response to none."""
        return query_of(head, body) or error(400, head.method)

    def response(self, answer: bytes) -> Response:
        """The response with an answer."""
        return response(answer)


def head_of(method: str, target: str, headers: Headers) -> Head:
    """The head of a request; names in ``headers`` are in lower case."""
    media_type = length = b""
    for name, value in headers:
        if name == b"content-type":
            media_type = value
        elif name == b"content-length":
            length = value
    kind = media_type.partition(b";")[0].strip().lower().decode(_LATIN)
    return Head(method, target, kind, int(length) if length.isdigit() and len(length) < 20 else 0)


def objection(head: Head) -> int:
    """The status with which a request is refused before its body is read, 0 where it is not."""
    if len(head.target) > MAX_TARGET:
        return 414
    if _split(head.target)[0] != PATH:
        return 404
    if head.method not in ("GET", "POST"):
        return 405
    if head.length > MAX_MESSAGE:
        return 413
    if head.method == "POST" and head.media_type != MEDIA_TYPE.decode():
        return 415
    return 0


def query_of(head: Head, body: bytes | bytearray) -> bytes:
    """The message in a request that nobody objected to; empty where there is none that could be answered."""
    if head.method == "POST":
        return _asked(bytes(body))
    return _of_usual_target(head.target) or _asked(_decoded(_split(head.target)[1]))


def _asked(message: bytes) -> bytes:
    return message if len(message) >= HEADER_SIZE and not message[2] & 0x80 else b""


def _of_usual_target(target: str) -> bytes:
    usual = _USUAL.fullmatch(target) if len(target) <= MAX_TARGET else None
    if usual is None or len(usual[1]) % 4 == 1:
        return b""
    return _asked(_octets_of(usual[1]))


def response(answer: bytes) -> Response:
    """The response with an answer; a message that nobody answers is an error here, for each request has a response."""
    if not answer:
        return error(500)
    return Response(200, _headers(len(answer), freshness(answer)), answer)


@lru_cache(4096)
def _headers(length: int, seconds: int) -> Fields:
    age = b"max-age=%d" % seconds
    return (b"content-type", MEDIA_TYPE), (b"content-length", b"%d" % length), (b"cache-control", age)


def error(status: int, method: str = "") -> Response:
    """The response to a request that cannot be served; to HEAD it has no body."""
    body = REASONS.get(status, b"Error").lower() + b"\n"
    headers: Fields = (b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))
    if status == 405:
        headers = *headers, (b"allow", b"GET, POST")
    return Response(status, headers, b"" if method == "HEAD" else body)


def freshness(answer: bytes) -> int:
    """For how many seconds an HTTP cache may give the answer to others (RFC 8484 section 5.1).

    The lowest TTL of the answer section; without one, how long the SOA lets its denial be kept; 0 for errors.
    """
    lowest = _lowest_ttl(answer)
    if lowest is not None:
        return lowest
    try:
        message = scan(answer)
        if message.rcode not in (NOERROR, NXDOMAIN):
            return 0
        if message.counts[ANSWER]:
            return min(span.ttl for span in message.spans if span.section == ANSWER)
        return min((_denial(message, span) for span in message.spans if _is_denial(span)), default=0)
    except (WireError, EdnsError):
        return 0


def _lowest_ttl(answer: bytes) -> int | None:
    """Of the answer section of a usual NOERROR: one question, owners written as pointers. None for all others."""
    count = int.from_bytes(answer[6:8], "big")
    if not count or answer[3] & 0xF or answer[4:6] != b"\0\1":
        return None
    at, lowest = HEADER_SIZE, _HIGHEST_TTL
    try:
        while answer[at]:
            at += answer[at] + 1
        at += 5  # the end of the name, type and class
        for _ in range(count):
            owner, _, _, ttl, length = _RECORD.unpack_from(answer, at)
            if owner < 0xC000 or ttl > _HIGHEST_TTL:
                return None
            lowest = min(lowest, ttl)
            at += _RECORD.size + length
    except (IndexError, struct.error):
        return None
    return lowest if at <= len(answer) else None


def _is_denial(span: Span) -> bool:
    return span.section == AUTHORITY and span.type == SOA


def _denial(message: Message, span: Span) -> int:
    """TTL or last field of an SOA, whichever is lower (RFC 2308 section 5)."""
    return min(span.ttl, int.from_bytes(message.octets[span.end - 4 : span.end], "big"))


def _split(target: str) -> tuple[str, str]:
    """Path and what is behind the question mark; clients of proxies write the whole URL (RFC 9112 section 3.2.2)."""
    if target.startswith("/"):
        path, _, query = target.partition("?")
        return path, query
    try:
        parts = urlsplit(target)
    except ValueError:
        return "", ""
    return parts.path, parts.query


def _decoded(query: str) -> bytes:
    """The parameter ``dns``, which has to be there once; empty where it is wrong."""
    try:
        found = [value for name, value in parse_qsl(query, True, max_num_fields=_MAX_FIELDS) if name == "dns"]
    except ValueError:
        return b""
    if len(found) != 1 or not _CODED.fullmatch(found[0]) or len(found[0]) % 4 == 1:
        return b""
    return _octets_of(found[0])


def _octets_of(coded: str) -> bytes:
    """What base64url stands for; its padding is left out (RFC 8484 section 4.1)."""
    return a2b_base64(coded.replace("-", "+").replace("_", "/") + _PADDING[len(coded) % 4])
