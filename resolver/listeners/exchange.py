"""What DNS over HTTPS asks and answers (RFC 8484), whichever version of HTTP carries it. Pure: no sockets, no clock."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
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
_USUAL: Final = re.compile(r"dns=([A-Za-z0-9_-]*)")  # nothing but the parameter, and nothing to be decoded in it
_LONGEST_KNOWN: Final = 512  # octets of answers whose freshness is kept
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
    headers: Headers
    body: bytes
    trailers: Headers | None = None
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

    def head(self, method: str, target: bytes, headers: Headers) -> Head:
        """The head of a request."""

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

    def head(self, method: str, target: bytes, headers: Headers) -> Head:
        """The head of a request."""
        return head_of(method, target, headers)

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


def head_of(method: str, target: bytes, headers: Headers) -> Head:
    """The head of a request; names in ``headers`` are in lower case."""
    media_type = length = b""
    for name, value in headers:
        if name == b"content-type":
            media_type = value
        elif name == b"content-length":
            length = value
    kind = media_type.partition(b";")[0].strip().lower().decode(_LATIN)
    return Head(method, target.decode(_LATIN), kind, int(length) if length.isdigit() and len(length) < 20 else 0)


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
    message = bytes(body) if head.method == "POST" else _decoded(_split(head.target)[1])
    return message if len(message) >= HEADER_SIZE and not message[2] & 0x80 else b""


def response(answer: bytes) -> Response:
    """The response with an answer; a message that nobody answers is an error here, for each request has a response."""
    if not answer:
        return error(500)
    headers = [(b"content-type", MEDIA_TYPE), (b"content-length", b"%d" % len(answer))]
    seconds = freshness(answer) if len(answer) > _LONGEST_KNOWN else _freshness_without_id(answer[2:])
    headers.append((b"cache-control", b"max-age=%d" % seconds))
    return Response(200, headers, answer)


def error(status: int, method: str = "") -> Response:
    """The response to a request that cannot be served; to HEAD it has no body."""
    body = REASONS.get(status, b"Error").lower() + b"\n"
    headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
    if status == 405:
        headers.append((b"allow", b"GET, POST"))
    return Response(status, headers, b"" if method == "HEAD" else body)


def freshness(answer: bytes) -> int:
    """For how many seconds an HTTP cache may give the answer to others (RFC 8484 section 5.1).

    The lowest TTL of the answer section; without one, how long the SOA lets its denial be kept; 0 for errors.
    """
    try:
        message = scan(answer)
        if message.rcode not in (NOERROR, NXDOMAIN):
            return 0
        if message.counts[ANSWER]:
            return min(span.ttl for span in message.spans if span.section == ANSWER)
        return min((_denial(message, span) for span in message.spans if _is_denial(span)), default=0)
    except (WireError, EdnsError):
        return 0


@lru_cache(1024)
def _freshness_without_id(rest: bytes) -> int:
    return freshness(b"\0\0" + rest)


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
    usual = _USUAL.fullmatch(query)
    if usual is not None and len(usual[1]) % 4 != 1:
        return urlsafe_b64decode(usual[1] + "=" * (-len(usual[1]) % 4))
    try:
        found = [value for name, value in parse_qsl(query, True, max_num_fields=_MAX_FIELDS) if name == "dns"]
    except ValueError:
        return b""
    if len(found) != 1 or not _CODED.fullmatch(found[0]) or len(found[0]) % 4 == 1:
        return b""
    return urlsafe_b64decode(found[0] + "=" * (-len(found[0]) % 4))
