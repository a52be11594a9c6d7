"""Records that stand beside an answer: the additional section, and the section of authority in front of it.

A client may use what is there, and ``egress_set`` lets it through, so addresses of names that are denied have no place
in it. It may be left out: additional data is optional (RFC 1034 section 4.3.2, RFC 2181 section 9).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Final

from resolver.chain.reply import Reply, decode
from resolver.wire.constants import AAAA, HTTPS, RRSIG, SVCB, A
from resolver.wire.names import ROOT, plain_name
from resolver.wire.records import Body, Record, encode

_TELLING: Final = frozenset((A, AAAA, SVCB, HTTPS))
_SERVICES: Final = frozenset((SVCB, HTTPS))

Denies = Callable[[bytes, int], Awaitable[bool]]
"""Whether a lower-case name is denied to the client for a type."""

Dropped = frozenset[tuple[bytes, int]]
"""Owners in lower case and types of the records that have no place in an answer."""


def tells(body: Body) -> bool:
    """Whether addresses stand behind the answer section: A and AAAA records, or hints of SVCB and HTTPS records."""
    if len(body.ttls) == body.answers:
        return False
    data = body.data
    return any(data[at - 3] in _TELLING and not data[at - 4] for at in body.ttls[body.answers :])


async def without(reply: Reply, denies: Denies) -> Reply:
    """The reply without addresses of denied names beside its answer, nor their signatures. Raises WireError."""
    dropped = set()
    asked: dict[tuple[bytes, int], bool] = {}
    for record in (*reply.sections.authority, *reply.sections.additional):
        if record.type not in _TELLING:
            continue
        for one in _names(record):
            if one not in asked:
                asked[one] = await denies(*one)
            if asked[one]:
                dropped.add((record.owner.lower(), record.type))
    return _less(reply, frozenset(dropped)) if dropped else reply


def _names(record: Record) -> Iterator[tuple[bytes, int]]:
    """The names that a record tells addresses of, and the type that stands for it: a hint is of the target."""
    yield record.owner.lower(), record.type
    if record.type in _SERVICES:
        target = plain_name(record.rdata, 2)[0].lower()
        if target != ROOT:
            yield target, record.type
            yield target, A
            yield target, AAAA


def _less(reply: Reply, dropped: Dropped) -> Reply:
    leave = reply.replay
    if leave is not None and leave.variants:
        leave = replace(leave, variants=tuple([_shorter(reply.question, body, dropped) for body in leave.variants]))
    body = _shorter(reply.question, reply.body, dropped)
    return replace(reply, octets=body, decoded=None, replay=leave)


def _shorter(question: bytes, body: Body, dropped: Dropped) -> Body:
    answer, *rest = decode(question, body)
    authority, additional = ([one for one in section if not _is_in(one, dropped)] for section in rest)
    return encode(question[:-4], answer, authority, additional)


def _is_in(record: Record, dropped: Dropped) -> bool:
    rtype = int.from_bytes(record.rdata[:2], "big") if record.type == RRSIG else record.type
    return (record.owner.lower(), rtype) in dropped
