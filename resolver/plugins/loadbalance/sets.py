"""The sets of records in an answer whose order may change, and answers in which it did.

Most answers are one set of addresses that belong to one name and stand together. Their octets change places within the
message as it came; everything else is taken apart and put together again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from resolver.chain.reply import Reply
from resolver.wire.constants import AAAA, CNAME, HEADER_SIZE, MX, A
from resolver.wire.names import read_name
from resolver.wire.records import Body, Record, encode

Order: TypeAlias = Sequence[int]

_QUESTION_POINTER = b"\xc0\x0c"
_ADDRESS_SIZES = {A: 4, AAAA: 16}


@dataclass(frozen=True, slots=True)
class Member:
    """A record of a set: its owner (lower-case wire name) and, where it is an address, the address octets."""

    owner: bytes
    address: bytes = b""


class Arrangement(Protocol):
    """An answer whose sets can be put into other orders; without any set, only its CNAMEs have to move."""

    @property
    def sizes(self) -> Sequence[int]:
        """How many records each set has, two at least."""

    def members(self, number: int) -> Sequence[Member]:
        """The records of a set in their present order."""

    def arranged(self, orders: Sequence[Order]) -> Body:
        """The answer with each set in an order: for each place the index of the record that comes there."""


def arrangement(reply: Reply) -> Arrangement | None:
    """How the answer can be arranged, None where there is nothing to move. Raises WireError."""
    body = reply.body
    answers, authorities, additionals, data, ttls = body
    if answers < 2 and authorities < 2 and additionals < 2:
        return None
    types = [data[at - 4] << 8 | data[at - 3] for at in ttls]
    if not authorities and not additionals and types[0] in _ADDRESS_SIZES:
        found = _together(reply, body, types, 0, answers)
        if found is not None:
            return found
    return _of_any_kind(reply, body, types)


def _of_any_kind(reply: Reply, body: Body, types: list[int]) -> Arrangement | None:
    second, third = body.answers, body.answers + body.authorities
    sections = (types[:second], types[second:third], types[third:])
    addresses = [_count(section, (A, AAAA)) for section in sections]
    sets = sum(count > 1 for count in addresses) + sum(_count(section, (MX,)) > 1 for section in sections)
    has_late_cname = _has_late_cname(sections[0])
    if not sets and not has_late_cname:
        return None
    most = max(addresses)
    if sets == 1 and most > 1 and not has_late_cname:
        section = addresses.index(most)
        first = next(place for place, rtype in enumerate(sections[section]) if rtype in _ADDRESS_SIZES)
        found = _together(reply, body, types, (0, second, third)[section] + first, most)
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


def _together(reply: Reply, body: Body, types: list[int], first: int, count: int) -> _Octets | None:
    """The ``count`` addresses from record ``first`` on, if they are alike: one type, one spelling of the owner."""
    data, ttls = body.data, body.ttls
    rtype = types[first]
    if types[first : first + count].count(rtype) != count:
        return None
    begin = ttls[first - 1] + 6 + (data[ttls[first - 1] + 4] << 8 | data[ttls[first - 1] + 5]) if first else 0
    at = ttls[first]
    size = at + 6 + _ADDRESS_SIZES[rtype] - begin
    end = begin + size * count
    if ttls[first : first + count] != tuple(range(at, end, size)) or end > len(data):
        return None
    head, length = data[begin:at], b"\0" + bytes((_ADDRESS_SIZES[rtype],))
    for start in range(begin, end, size):
        if not data.startswith(head, start) or not data.startswith(length, start + at + 4 - begin):
            return None
    return _Octets(reply, body, begin, end, size)


class _Octets:
    """One set of addresses whose records differ in TTL and address only, so nothing else in the message moves."""

    __slots__ = ("begin", "body", "chunks", "end", "reply", "sizes")

    def __init__(self, reply: Reply, body: Body, begin: int, end: int, size: int) -> None:
        self.reply = reply
        self.body = body
        self.begin = begin
        self.end = end
        self.chunks = [body.data[start : start + size] for start in range(begin, end, size)]
        self.sizes: Sequence[int] = (len(self.chunks),)

    def members(self, number: int) -> Sequence[Member]:
        length = len(self.chunks[0])
        size = 4 if self.body.data[self.begin + length - 5] == 4 else 16
        owner = self._owner(self.chunks[0][: length - size - 10])
        return [Member(owner, chunk[-size:]) for chunk in self.chunks]

    def arranged(self, orders: Sequence[Order]) -> Body:
        answers, authorities, additionals, data, ttls = self.body
        chunks = self.chunks
        moved = b"".join([chunks[index] for index in orders[0]])
        if len(moved) != len(data):
            moved = data[: self.begin] + moved + data[self.end :]
        return Body(answers, authorities, additionals, moved, ttls)

    def _owner(self, spelling: bytes) -> bytes:
        question = self.reply.question
        if spelling == _QUESTION_POINTER:
            return question[:-4].lower()
        head = bytes(HEADER_SIZE) + question
        return read_name(head + self.body.data, len(head) + self.begin)[0].lower()


class _Records:
    """Any number of sets, as records."""

    __slots__ = ("places", "qname", "sections", "sizes")

    def __init__(self, reply: Reply) -> None:
        self.qname = reply.question[:-4]
        answer, authority, additional = reply.sections
        cnames = [record for record in answer if record.type == CNAME]
        self.sections = ([*cnames, *(one for one in answer if one.type != CNAME)], authority, additional)
        self.places: list[tuple[int, list[int]]] = []
        for number, section in enumerate(self.sections):
            for types in ((A, AAAA), (MX,)):
                places = [place for place, record in enumerate(section) if record.type in types]
                if len(places) > 1:
                    self.places.append((number, places))
        self.sizes: Sequence[int] = [len(places) for _, places in self.places]

    def members(self, number: int) -> Sequence[Member]:
        section, places = self.places[number]
        return [_member(self.sections[section][place]) for place in places]

    def arranged(self, orders: Sequence[Order]) -> Body:
        sections = [list(section) for section in self.sections]
        for (number, places), order in zip(self.places, orders, strict=True):
            for place, index in zip(places, order, strict=True):
                sections[number][place] = self.sections[number][places[index]]
        return encode(self.qname, *sections)


def _member(record: Record) -> Member:
    return Member(record.owner.lower(), record.rdata if record.type in _ADDRESS_SIZES else b"")
