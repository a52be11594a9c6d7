"""dnstap payloads: one message of DNS and what is known about it, as protocol buffers.

Field numbers are those of https://github.com/dnstap/dnstap.pb. The few fields that are used are written by hand: a
library for protocol buffers would be the largest dependency of the server, and slower.
"""

from __future__ import annotations

import socket
from functools import lru_cache
from typing import Final

from resolver.telemetry.protobuf import varint

CONTENT_TYPE: Final = b"protobuf:dnstap.Dnstap"

CLIENT_QUERY, CLIENT_RESPONSE, FORWARDER_QUERY, FORWARDER_RESPONSE = 5, 6, 7, 8

_PROTOCOLS: Final = {"udp": 1, "tcp": 2, "tls": 3, "https": 4, "https3": 4, "quic": 7, "grpc": 2}
_INET, _INET6 = 1, 2

# Tags are the field number times eight, plus how the value is written: 0 as a varint, 2 with a length, 5 as 32 bits.
_QUERY_TIME, _QUERY_NANOSECONDS, _QUERY_MESSAGE = b"\x40", b"\x4d", b"\x52"
_RESPONSE_TIME, _RESPONSE_NANOSECONDS, _RESPONSE_MESSAGE = b"\x60", b"\x6d", b"\x72"
_QUERY_PORT, _RESPONSE_PORT = b"\x30", b"\x38"
_MESSAGE, _TYPE_IS_MESSAGE = b"\x72", b"\x78\x01"

Address = tuple[str, int]


class Envelope:
    """Who speaks: put around each message."""

    __slots__ = ("_head",)

    def __init__(self, identity: bytes, version: bytes) -> None:
        self._head = (_text(b"\x0a", identity) if identity else b"") + (_text(b"\x12", version) if version else b"")

    def wrap(self, message: bytes, extra: bytes = b"") -> bytes:
        """The whole payload of a data frame."""
        more = _text(b"\x1a", extra) if extra else b""
        return b"".join((self._head, more, _MESSAGE, varint(len(message)), message, _TYPE_IS_MESSAGE))


def sockets(transport: str, query: Address, response: Address | None) -> bytes:
    """Where a message came from and went to. ``query`` is the side that asks; an empty host is left out."""
    server = ("", 0) if response is None else response
    text = _hosts(transport, query[0], server[0])
    if query[1]:
        text += _QUERY_PORT + varint(query[1])
    return text + _RESPONSE_PORT + varint(server[1]) if server[1] else text


def query_part(asked: float, octets: bytes = b"") -> bytes:
    """When was asked, in seconds since 1970, and perhaps the query as a message."""
    times = _time(_QUERY_TIME, _QUERY_NANOSECONDS, asked)
    return times + _text(_QUERY_MESSAGE, octets) if octets else times


def response_part(asked: float, answered: float, octets: bytes = b"") -> bytes:
    """When was asked and answered, in seconds since 1970, and perhaps the answer as a message."""
    asking = _time(_QUERY_TIME, _QUERY_NANOSECONDS, asked)
    times = asking + _time(_RESPONSE_TIME, _RESPONSE_NANOSECONDS, answered)
    return times + _text(_RESPONSE_MESSAGE, octets) if octets else times


def message(kind: int, ends: bytes, part: bytes) -> bytes:
    """A message of one kind, made of ``sockets`` and a part."""
    return b"\x08" + bytes((kind,)) + ends + part


def _text(tag: bytes, octets: bytes) -> bytes:
    return tag + varint(len(octets)) + octets


def _time(seconds_tag: bytes, nanoseconds_tag: bytes, when: float) -> bytes:
    seconds = int(when)
    nanoseconds = int((when - seconds) * 1e9)
    return seconds_tag + varint(seconds) + nanoseconds_tag + nanoseconds.to_bytes(4, "little")


@lru_cache(maxsize=4096)
def _hosts(transport: str, asking: str, answering: str) -> bytes:
    """Family, protocol and addresses; the family is that of the first address, and the other one must share it."""
    first, second = _packed(asking), _packed(answering)
    family = len(first or second)
    out = b"" if not family else b"\x10" + bytes((_INET if family == 4 else _INET6,))
    protocol = _PROTOCOLS.get(transport)
    if protocol is not None:
        out += b"\x18" + bytes((protocol,))
    if first:
        out += _text(b"\x22", first)
    if len(second) == family and second:
        out += _text(b"\x2a", second)
    return out


def _packed(host: str) -> bytes:
    """The octets of an address, four where an IPv4 address stands in an IPv6 one; empty for anything else."""
    host = host.partition("%")[0].removeprefix("::ffff:") if "." in host else host.partition("%")[0]
    try:
        return socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except OSError:
        return b""
