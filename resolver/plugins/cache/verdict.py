"""What an answer is worth: of which kind it is, what TTL it is shown with, and how long it may be served."""

from __future__ import annotations

from enum import IntEnum
from struct import Struct
from typing import Final, NamedTuple

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.plugins.cache.settings import Settings, Shelf
from resolver.wire.constants import (
    ANY,
    CNAME,
    HEADER_SIZE,
    MAX_TTL,
    NOERROR,
    NOTIMP,
    NS,
    NXDOMAIN,
    SERVFAIL,
    SOA,
    TC,
)
from resolver.wire.names import read_name
from resolver.wire.records import Body

_FIXED = Struct("!HHIH")  # type, class, TTL, rdata length; a TTL's offset is four octets in
_UNBOUND_TTL: Final = 5  # seconds for what carries no TTL of its own


class Kind(IntEnum):
    """SUCCESS and DENIAL are kept on their shelves, ERROR with the denials for a moment, PASSING not at all."""

    SUCCESS, DENIAL, ERROR, PASSING = range(4)


class Verdict(NamedTuple):
    """``shown`` is the TTL for all records and ``life`` how many seconds the answer may be served.

    ``answers`` says that the records answer the question, rather than refer elsewhere or say nothing; ``is_level``
    that they have the TTL already.
    """

    kind: Kind
    shown: int
    life: float
    answers: bool = False
    is_level: bool = False


def judge(query: Query, reply: Reply, settings: Settings) -> Verdict:
    """The verdict on an answer that came from below. Raises WireError where its records cannot be read."""
    rcode, body = reply.rcode, reply.body
    truncated = bool(reply.flags & TC)
    if rcode in (SERVFAIL, NOTIMP):
        return Verdict(Kind.PASSING if truncated else Kind.ERROR, int(settings.servfail), settings.servfail)
    lowest, highest, soa_minimum, delegation, answers = _survey(query, body)
    if rcode not in (NOERROR, NXDOMAIN):
        return passing(settings)
    if soa_minimum is not None and (rcode == NXDOMAIN or not answers):
        # RFC 2308: the SOA's TTL counts down as it came (section 6), and its minimum bounds the time (section 5).
        shown = _clamp(lowest, settings.denial)
        kind, life = Kind.DENIAL, min(shown, max(soa_minimum, settings.denial.min_ttl))
    elif rcode == NXDOMAIN:
        shown, kind, life = _clamp(_UNBOUND_TTL, settings.denial), Kind.PASSING, 0
    else:
        shown = _clamp(_UNBOUND_TTL if delegation and not body.answers else lowest, settings.success)
        # Aliases that lead nowhere, and nothing to say for how long, are not kept (RFC 2308 section 5).
        kind, life = Kind.PASSING if body.answers and not answers else Kind.SUCCESS, shown
    return Verdict(Kind.PASSING if truncated else kind, shown, life, answers, lowest == highest == shown)


def passing(settings: Settings) -> Verdict:
    """The verdict on what is passed on only."""
    return Verdict(Kind.PASSING, _clamp(_UNBOUND_TTL, settings.success), 0)


def _clamp(ttl: int, shelf: Shelf) -> int:
    return min(max(ttl, shelf.min_ttl), shelf.ttl)


def _survey(query: Query, body: Body) -> tuple[int, int, int | None, bool, bool]:
    """Lowest and highest TTL, minimum of the first SOA of the authority section, whether name servers are there.

    And whether the answer section leads from the question's name to a record of the type asked for. Most answers are
    owned by that name or follow their aliases in order, which pointers show; only for the others names are read.
    Raises WireError.
    """
    data, offsets, qtype, qclass = body.data, body.ttls, query.qtype, query.qclass
    lowest, highest = (MAX_TTL, 0) if offsets else (_UNBOUND_TTL, _UNBOUND_TTL)
    first = HEADER_SIZE + len(query.qname) + 4
    current, start, answered, in_order = HEADER_SIZE, 0, False, True
    passed: list[int] = []
    for at in offsets[: body.answers]:
        rtype, rclass, ttl, length = _FIXED.unpack_from(data, at - 4)
        if ttl > MAX_TTL:
            ttl, highest = 0, MAX_TTL
        if ttl < lowest:
            lowest = ttl
        if ttl > highest:
            highest = ttl
        if in_order:
            if at - start != 6 or (data[start] << 8 | data[start + 1]) != 0xC000 | current or rclass != qclass:
                in_order = False
            elif rtype == qtype or qtype == ANY:
                answered = True
            elif rtype == CNAME:
                passed.append(current)
                current = _place_of_name(data, at + 6, first) if length >= 2 else 0
                in_order = not answered and length >= 2 and current not in passed
            start = at + 6 + length
    if not in_order:
        answered = _answers_by_name(query, body)
    soa_minimum, delegation = None, False
    for number, at in enumerate(offsets[body.answers :]):
        rtype, _, ttl, length = _FIXED.unpack_from(data, at - 4)
        if ttl > MAX_TTL:
            ttl, highest = 0, MAX_TTL
        if ttl < lowest:
            lowest = ttl
        if ttl > highest:
            highest = ttl
        if number >= body.authorities:
            continue
        if rtype == SOA and soa_minimum is None and length >= 22:
            soa_minimum = _counted(int.from_bytes(data[at + 2 + length : at + 6 + length], "big"))
        elif rtype == NS:
            delegation = True
    return lowest, highest, soa_minimum, delegation, answered


def _counted(ttl: int) -> int:
    """A TTL with the top bit set is zero (RFC 2181 section 8)."""
    return ttl if ttl <= MAX_TTL else 0


def _place_of_name(data: bytes, at: int, first: int) -> int:
    """Where the name at ``data[at]`` stands in the message: there, or where a pointer leads."""
    if data[at] >= 0xC0:
        return (data[at] & 0x3F) << 8 | data[at + 1]
    return first + at


def _answers_by_name(query: Query, body: Body) -> bool:
    """Whether records in any order answer the question; an ambiguous or circular chain answers nothing."""
    aliases: dict[bytes, bytes] = {}
    owners: set[bytes] = set()
    qtype, qclass = query.qtype, query.qclass
    message = bytes(HEADER_SIZE) + query.qname + bytes(4) + body.data
    first = HEADER_SIZE + len(query.qname) + 4
    start = first
    for at in body.ttls[: body.answers]:
        rtype, rclass, _, length = _FIXED.unpack_from(message, first + at - 4)
        owner = read_name(message, start)[0].lower()
        start = first + at + 6 + length
        if rclass != qclass:
            continue
        if rtype == qtype or qtype == ANY:
            owners.add(owner)
        if rtype == CNAME:
            target = read_name(message, first + at + 6)[0].lower()
            if aliases.setdefault(owner, target) != target:
                return False
    name = query.name
    if qtype not in (CNAME, ANY):
        for _ in range(len(aliases) + 1):
            if name not in aliases:
                break
            name = aliases[name]
        else:
            return False
    return name in owners


def same_question(query: Query, reply: Reply) -> bool:
    """Whether the reply is to this question, whatever its spelling."""
    asked, answered = query.question, reply.question
    return asked == answered or (answered[-4:] == asked[-4:] and answered[:-4].lower() == query.name)
