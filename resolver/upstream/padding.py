"""Padding of queries, so that their length does not tell what is asked (RFC 7830, RFC 8467 section 4.1)."""

from __future__ import annotations

from typing import Final

from resolver.upstream.exchange import Request
from resolver.wire.constants import MAX_MESSAGE, OPTION_PADDING
from resolver.wire.edns import write_opt

BLOCK: Final = 128  # octets
SIZE: Final = 4096  # what a query of ours says of UDP where its client said nothing; means nothing on a stream
_HEAD: Final = 10  # octets of a tail in front of the question
_OPTION: Final = 4  # octets in front of an option's payload
_OPT: Final = 11  # octets of OPT without options
_OPT_START: Final = b"\0\0\x29"


def padded(request: Request) -> Request:
    """The request as a whole number of blocks, in an OPT of our own where it had none.

    Unchanged where it is no question with at most OPT behind it, or would become too long.
    """
    tail, opt = request.tail, _HEAD + len(request.question)
    if tail[2:8] != b"\0\1\0\0\0\0":
        return request
    if tail[8:10] == b"\0\0" and len(tail) == opt:
        payload = _payload(len(tail) + _OPT)
        behind = write_opt(SIZE, options=_option(payload))
        return Request(tail[:8] + b"\0\1" + tail[10:] + behind, request.question)
    at = opt + _OPT - 2
    length = int.from_bytes(tail[at : at + 2], "big")
    if tail[8:10] != b"\0\1" or tail[opt : opt + 3] != _OPT_START or len(tail) != opt + _OPT + length:
        return request
    payload = _payload(len(tail))
    if len(tail) + 2 + _OPTION + payload > MAX_MESSAGE:
        return request
    longer = (length + _OPTION + payload).to_bytes(2, "big")
    return Request(tail[:at] + longer + tail[at + 2 :] + _option(payload), request.question)


def _payload(tail: int) -> int:
    """How many octets of padding bring a message with that tail, an ID and the option to a whole number of blocks."""
    return -(tail + 2 + _OPTION) % BLOCK


def _option(payload: int) -> bytes:
    return OPTION_PADDING.to_bytes(2, "big") + payload.to_bytes(2, "big") + bytes(payload)
