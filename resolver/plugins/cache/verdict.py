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
    ANY_CLASS,
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

_FIXED = Struct("!HHIH")  # type, class, TTL, rdata length; the TTL's offset is four octets in
_UNBOUND_TTL: Final = 5  # seconds for what carries no TTL of its own


class Kind(IntEnum):
    """SUCCESS and DENIAL are kept on their shelves, ERROR with the denials for a moment, PASSING not at all."""

    SUCCESS, DENIAL, ERROR, PASSING = range(4)


class Verdict(NamedTuple):
    """``shown`` is the TTL for all records and ``life`` how many seconds the answer may be served.

    ``answers`` says that the records answer the question, rather than refer elsewhere or say nothing.
    """

    kind: Kind
    shown: int
    life: float
    answers: bool = False


class _Survey(NamedTuple):
    lowest: int | None
    soa_minimum: int | None
    delegation: bool


def judge(query: Query, reply: Reply, settings: Settings) -> Verdict:
    """The verdict on an answer that came from below. Raises WireError where its records cannot be read."""
    verdict = _judge(query, reply, settings)
    return verdict._replace(kind=Kind.PASSING) if reply.flags & TC else verdict


def _judge(query: Query, reply: Reply, settings: Settings) -> Verdict:
    rcode = reply.rcode
    if rcode in (SERVFAIL, NOTIMP):
        return Verdict(Kind.ERROR, int(settings.servfail), settings.servfail)
    body = reply.body
    survey = _survey(body)
    if rcode == NXDOMAIN:
        if survey.soa_minimum is None:
            return _passing(settings.denial)
        return _denial(survey, settings.denial)
    if rcode != NOERROR:
        return _passing(settings.success)
    if body.answers:
        if answers_question(query, body):
            shown = _clamp(survey.lowest, settings.success)
            return Verdict(Kind.SUCCESS, shown, shown, True)
        if survey.soa_minimum is not None:
            return _denial(survey, settings.denial)
        # A chain of aliases that ends nowhere, and nothing to say for how long (RFC 2308 section 5).
        return Verdict(Kind.PASSING, _clamp(survey.lowest, settings.success), 0)
    if survey.soa_minimum is not None:
        return _denial(survey, settings.denial)
    shown = _clamp(_UNBOUND_TTL if survey.delegation else survey.lowest, settings.success)
    return Verdict(Kind.SUCCESS, shown, shown)


def _denial(survey: _Survey, shelf: Shelf) -> Verdict:
    """RFC 2308: the SOA's TTL counts down as it came (section 6), and its minimum field bounds the time (section 5)."""
    shown = _clamp(survey.lowest, shelf)
    return Verdict(Kind.DENIAL, shown, min(shown, max(survey.soa_minimum or 0, shelf.min_ttl)))


def _passing(shelf: Shelf) -> Verdict:
    return Verdict(Kind.PASSING, _clamp(_UNBOUND_TTL, shelf), 0)


def _clamp(ttl: int | None, shelf: Shelf) -> int:
    return min(max(_UNBOUND_TTL if ttl is None else ttl, shelf.min_ttl), shelf.ttl)


def _survey(body: Body) -> _Survey:
    """One pass over the records: lowest TTL, minimum of the first SOA and name servers in the authority section."""
    data = body.data
    lowest = soa_minimum = None
    delegation = False
    authorities_end = body.answers + body.authorities
    for index, at in enumerate(body.ttls):
        rtype, _, ttl, length = _FIXED.unpack_from(data, at - 4)
        if ttl > MAX_TTL:
            ttl = 0
        if lowest is None or ttl < lowest:
            lowest = ttl
        if body.answers <= index < authorities_end:
            if rtype == SOA and soa_minimum is None and length >= 22:
                end = at + 6 + length
                minimum = int.from_bytes(data[end - 4 : end], "big")
                soa_minimum = minimum if minimum <= MAX_TTL else 0
            elif rtype == NS:
                delegation = True
    return _Survey(lowest, soa_minimum, delegation)


def answers_question(query: Query, body: Body) -> bool:
    """Whether the answer section leads from the question's name to a record of the type asked for.

    Raises WireError. Most answers are owned by the question's name or follow their aliases in order, which pointers
    show; only for the others names are read.
    """
    qtype, qclass = query.qtype, query.qclass
    data, start = body.data, 0
    first = HEADER_SIZE + len(query.qname) + 4
    current, answered = HEADER_SIZE, False
    for at in body.ttls[: body.answers]:
        rtype, rclass, _, length = _FIXED.unpack_from(data, at - 4)
        if at - start != 6 or (data[start] << 8 | data[start + 1]) != 0xC000 | current:
            return _answers_by_name(query, body)
        if rclass == qclass or qclass == ANY_CLASS:
            if rtype == qtype or qtype == ANY:
                answered = True
            elif rtype == CNAME:
                if answered or length < 2:
                    return _answers_by_name(query, body)
                current = _place_of_name(data, at + 6, first)
        start = at + 6 + length
    return answered


def _place_of_name(data: bytes, at: int, first: int) -> int:
    """Where the name at ``data[at]`` stands in the message: there, or where a pointer leads."""
    if data[at] >= 0xC0:
        return (data[at] & 0x3F) << 8 | data[at + 1]
    return first + at


def _answers_by_name(query: Query, body: Body) -> bool:
    """As ``answers_question`` for records in any order; an ambiguous or circular chain answers nothing."""
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
        if rclass != qclass and qclass != ANY_CLASS:
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
