"""The twelve octets in front of every message, and the one decision taken on them alone."""

from __future__ import annotations

from struct import Struct

from resolver.wire.constants import FORMERR, HEADER_SIZE, NOTIFY, NOTIMP, OPCODE_MASK, QR, QUERY, RD

HEADER = Struct("!HHHHHH")

ACCEPTED = -1
DROPPED = -2


def accept(message: bytes, *, notify: bool = False) -> int:
    """ACCEPTED, DROPPED (never answer), or the rcode to answer with; stands in front of every transport.

    Responses are dropped, so that two servers cannot answer each other for ever. Only QUERY passes, and NOTIFY
    where a zone wants it; a query has exactly one question (RFC 9619) and at most the few records that RFC 1995,
    8945 and 6891 put into one, so that section counts are bounded before anything is parsed.
    """
    if len(message) < HEADER_SIZE:
        return DROPPED
    flags = message[2] << 8 | message[3]
    if flags & QR:
        return DROPPED
    opcode = (flags & OPCODE_MASK) >> 11
    if opcode != QUERY and not (notify and opcode == NOTIFY):
        return NOTIMP
    if message[4:8] not in _ONE_QUESTION or message[8] or message[9] > 1 or message[10] or message[11] > 2:
        return FORMERR
    return ACCEPTED


_ONE_QUESTION = frozenset((b"\0\1\0\0", b"\0\1\0\1"))


def error_reply(message: bytes, rcode: int, opt: bytes = b"") -> bytes:
    """A bare header that answers ``message`` (at least a header long) with ``rcode`` below 16.

    The question is left out because it may be what is wrong. ``opt`` is an OPT record to send along.
    """
    flags = QR | (message[2] << 8 | message[3]) & (OPCODE_MASK | RD) | rcode
    return message[:2] + flags.to_bytes(2, "big") + bytes(7) + (b"\1" if opt else b"\0") + opt
