"""The sets of records in an answer whose order may change, and answers in which it did.

Most answers are one set of addresses that belong to one name. Their octets change places within the message as it
came; everything else is taken apart and put together again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from resolver.chain.reply import Reply
from resolver.wire.constants import AAAA, CNAME, HEADER_SIZE, MX, A
from resolver.wire.names import read_name
from resolver.wire.records import Body, Record, encode

Order: TypeAlias = Sequence[int]

_QUESTION_POINTER = b"\xc0\x0c"


@dataclass(frozen=True, slots=True)
class Member:
    """A record of a set: its owner (lower-case wire name) and, where it is an address, the address octets."""

    owner: bytes
    address: bytes = b""


class Arrangement(Protocol):
    """An answer whose sets can be put into other orders."""

    @property
    def sets(self) -> Sequence[Sequence[Member]]:
        """The sets of at least two records, in their present order; empty where only CNAMEs have to move."""

    def arranged(self, orders: Sequence[Order]) -> Body:
        """The answer with each set in an order: for each place the index of the record that comes there."""


def arrangement(reply: Reply) -> Arrangement | None:
    """How the answer can be arranged, None where there is nothing to move. Raises WireError."""
    body = reply.body
    if body.answers < 2 and body.authorities < 2 and body.additionals < 2:
        return None
    data, ttls = body.data, body.ttls
    types = [data[at - 4] << 8 | data[at - 3] for at in ttls]
    first_end = body.answers
    second_end = first_end + body.authorities
    sections = (types[:first_end], types[first_end:second_end], types[second_end:])
    addresses = [_count(section, (A, AAAA)) for section in sections]
    pairs = sum(count > 1 for count in addresses) + sum(_count(section, (MX,)) > 1 for section in sections)
    misplaced = _has_late_cname(sections[0])
    if not pairs and not misplaced:
        return None
    if pairs == 1 and not misplaced and max(addresses) > 1:
        section = addresses.index(max(addresses))
        start = (0, first_end, second_end)[section]
        found = _in_place(reply, body, types, range(start, start + len(sections[section])))
        if found is not None:
            return found
    return _Records(reply)


def _count(types: Sequence[int], wanted: tuple[int, ...]) -> int:
    return sum(rtype in wanted for rtype in types)


def _has_late_cname(types: Sequence[int]) -> bool:
    """Whether a CNAME stands behind something else; some stub resolvers stumble over that."""
    seen_other = False
    for rtype in types:
        if rtype == CNAME and seen_other:
            return True
        seen_other |= rtype != CNAME
    return False


def _in_place(reply: Reply, body: Body, types: list[int], section: Iterable[int]) -> _Octets | None:
    """The addresses of a section as octets that can change places: one type, one owner in one spelling."""
    data, ttls = body.data, body.ttls
    spans: list[tuple[int, int]] = []
    owner, rtype = b"", 0
    for index in section:
        if types[index] not in (A, AAAA):
            continue
        at = ttls[index]
        spelling = data[_end(data, ttls[index - 1]) if index else 0 : at - 4]
        if not spans:
            owner, rtype = spelling, types[index]
        end = _end(data, at)
        if spelling != owner or types[index] != rtype or end - at != (10 if rtype == A else 22):
            return None
        spans.append((at - 4, end))
    return _Octets(body, spans, _owner_name(reply, body, spans[0][0] - len(owner), owner))


def _end(data: bytes, ttl_at: int) -> int:
    """Where the record with this TTL field ends."""
    return ttl_at + 6 + (data[ttl_at + 4] << 8 | data[ttl_at + 5])


def _owner_name(reply: Reply, body: Body, begin: int, spelling: bytes) -> bytes:
    if spelling == _QUESTION_POINTER:
        return reply.question[:-4].lower()
    head = bytes(HEADER_SIZE) + reply.question
    return read_name(head + body.data, len(head) + begin)[0].lower()


class _Octets:
    """One set of addresses. Its records have the same length, so nothing else in the message moves."""

    __slots__ = ("body", "sets", "spans")

    def __init__(self, body: Body, spans: list[tuple[int, int]], owner: bytes) -> None:
        self.body = body
        self.spans = spans
        self.sets: Sequence[Sequence[Member]] = ([Member(owner, body.data[begin + 10 : end]) for begin, end in spans],)

    def arranged(self, orders: Sequence[Order]) -> Body:
        body, spans = self.body, self.spans
        old = body.data
        out = bytearray(old)
        for (begin, end), index in zip(spans, orders[0], strict=True):
            source_begin, source_end = spans[index]
            out[begin:end] = old[source_begin:source_end]
        return body._replace(data=bytes(out))


class _Records:
    """Any number of sets, as records."""

    __slots__ = ("places", "qname", "sections", "sets")

    def __init__(self, reply: Reply) -> None:
        self.qname = reply.question[:-4]
        answer, authority, additional = reply.sections
        cnames = [record for record in answer if record.type == CNAME]
        self.sections = ([*cnames, *(one for one in answer if one.type != CNAME)], authority, additional)
        self.places: list[tuple[int, list[int]]] = []
        self.sets: Sequence[Sequence[Member]] = []
        for number, section in enumerate(self.sections):
            for types in ((A, AAAA), (MX,)):
                places = [place for place, record in enumerate(section) if record.type in types]
                if len(places) > 1:
                    self.places.append((number, places))
        self.sets = [[_member(self.sections[number][place]) for place in places] for number, places in self.places]

    def arranged(self, orders: Sequence[Order]) -> Body:
        sections = [list(section) for section in self.sections]
        for (number, places), order in zip(self.places, orders, strict=True):
            for place, index in zip(places, order, strict=True):
                sections[number][place] = self.sections[number][places[index]]
        return encode(self.qname, *sections)


def _member(record: Record) -> Member:
    return Member(record.owner.lower(), record.rdata if record.type in (A, AAAA) else b"")
