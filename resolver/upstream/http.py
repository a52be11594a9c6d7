"""DNS over HTTPS as octets: what a request says and what may stand in a response (RFC 8484). Opens nothing."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeAlias

from resolver.upstream.address import Address
from resolver.upstream.exchange import Request, read_answer
from resolver.wire.constants import MAX_MESSAGE
from resolver.wire.message import Message
from resolver.wire.records import clamp_ttl

Headers: TypeAlias = list[tuple[bytes, bytes]]

MEDIA_TYPE: Final = b"application/dns-message"
HTTPS_PORT: Final = 443
MOST_AGE: Final = 1 << 31  # seconds; RFC 9111 section 1.2.2
MAX_BODY: Final = MAX_MESSAGE
LONGEST_GET: Final = 2048  # octets of a message; many servers take no URL beyond some kilobytes
MAX_HEADERS: Final = 16_384  # octets of a response's fields


class Requests:
    """Requests to one upstream, as fields and body. They say nothing about us but the question.

    The ID of a message is always 0, so that equal questions are equal requests (RFC 8484 section 4.1).
    """

    __slots__ = ("_get", "_path", "_post")

    def __init__(self, address: Address) -> None:
        name = address.certificate_name
        host = f"[{name}]" if ":" in name else name
        authority = (host if address.port == HTTPS_PORT else f"{host}:{address.port}").encode()
        self._path = address.path.encode()
        common = [(b":scheme", b"https"), (b":authority", authority), (b"accept", MEDIA_TYPE)]
        self._post: Headers = [(b":method", b"POST"), (b":path", self._path), *common, (b"content-type", MEDIA_TYPE)]
        self._get: Headers | None = [(b":method", b"GET"), *common] if address.method == "GET" else None
        self._path += b"&dns=" if b"?" in self._path else b"?dns="

    def make(self, request: Request) -> tuple[Headers, bytes]:
        """Fields, pseudo fields first, and the body, which is empty with GET."""
        message = b"\0\0" + request.tail
        if self._get is None or len(message) > LONGEST_GET:
            return [*self._post, (b"content-length", b"%d" % len(message))], message
        path = self._path + urlsafe_b64encode(message).rstrip(b"=")
        return [self._get[0], (b":path", path), *self._get[1:]], b""


def read_response(headers: Iterable[tuple[bytes, bytes]], body: bytes, request: Request) -> Message | str:
    """The answer in a response whose field names are in lower case, or in words why it holds none.

    TTLs are lowered by the response's age (RFC 8484 section 5.1).
    """
    status = kind = age = b""
    for name, value in headers:
        if name == b":status":
            status = value
        elif name == b"content-type":
            kind = value
        elif name == b"age":
            age = value
    if status != b"200":
        return f"HTTP status {_shown(status)}"
    if kind != MEDIA_TYPE and kind.partition(b";")[0].strip().lower() != MEDIA_TYPE:
        return f"a response of type {_shown(kind)} is no DNS message"
    message = read_answer(body, request)
    if message is None:
        return "the response does not answer the question"
    return _lowered(message, age.strip()) if age and message.ttls else message


def _lowered(message: Message, age: bytes) -> Message:
    if not age.isdigit():
        return message
    seconds = int(age) if len(age) <= 10 else MOST_AGE
    out = bytearray(message.octets)
    for at in message.ttls:
        ttl = clamp_ttl(int.from_bytes(out[at : at + 4], "big"))
        out[at : at + 4] = max(ttl - seconds, 0).to_bytes(4, "big")
    return replace(message, octets=bytes(out))


def _shown(octets: bytes) -> str:
    """What a server has sent, fit for a log."""
    return ascii(octets[:60].decode("latin-1"))[1:-1] or "none"
