"""Fitting an answer into the space that a client has."""

from __future__ import annotations

from struct import Struct

from resolver.wire.constants import HEADER_SIZE, NS, SOA
from resolver.wire.names import read_name
from resolver.wire.records import Body

_TYPE_AND_CLASS = Struct("!HH")


def fit(question: bytes, body: Body, room: int) -> tuple[Body, bool]:
    """As many whole records of ``body`` as fit into ``room`` octets, and whether the client must be told (TC).

    Additional records may go missing silently, but only as whole sets (RFC 2181 section 9), unless they are the glue of
    a referral (RFC 9471 section 3). Records are kept from the front, so what is kept has its compression targets.
    Raises WireError where the owner of an additional record cannot be read.
    """
    ends = _ends(body)
    count = sum(end <= room for end in ends)
    if count == len(ends):
        return body, False
    required = body.answers + body.authorities
    truncated = count < required or _is_referral(body)
    if not truncated:
        count = _whole_sets(question, body, ends, count)
    answers = min(count, body.answers)
    authorities = min(count - answers, body.authorities)
    data = body.data[: ends[count - 1]] if count else b""
    return Body(answers, authorities, count - answers - authorities, data, body.ttls[:count]), truncated


def _ends(body: Body) -> list[int]:
    """Where each record ends; six octets from its TTL field the rdata begins, behind its length."""
    data = body.data
    return [at + 6 + (data[at + 4] << 8 | data[at + 5]) for at in body.ttls]


def _is_referral(body: Body) -> bool:
    authority = body.ttls[body.answers : body.answers + body.authorities]
    types = {_TYPE_AND_CLASS.unpack_from(body.data, at - 4)[0] for at in authority}
    return not body.answers and NS in types and SOA not in types


def _whole_sets(question: bytes, body: Body, ends: list[int], count: int) -> int:
    """How many of the first ``count`` records stay so that no additional set is broken."""
    message = bytes(HEADER_SIZE) + question + body.data
    start = len(message) - len(body.data)

    def owner_type_class(index: int) -> tuple[bytes, int, int]:
        owner, _ = read_name(message, start + (ends[index - 1] if index else 0))
        return (owner.lower(), *_TYPE_AND_CLASS.unpack_from(body.data, body.ttls[index] - 4))

    missing = {owner_type_class(index) for index in range(count, len(ends))}
    required = body.answers + body.authorities
    return next((index for index in range(required, count) if owner_type_class(index) in missing), count)
