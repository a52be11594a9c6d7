"""What kind of answer the chain gave, and for which name: what has to be signed follows from that."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Final, NamedTuple

from resolver.wire.constants import ANY, CNAME, DS, NS, NSEC, NSEC3, RRSIG, SOA
from resolver.wire.message import Sections
from resolver.wire.names import is_below
from resolver.wire.records import Record

_MOST_ALIASES: Final = 16
_DENIALS: Final = frozenset((NSEC, NSEC3))


class Kind(IntEnum):
    """DENIED: there is no such name, or nothing of the type. REFERRED: to the servers of a zone below, without DS."""

    ANSWERED, DENIED, REFERRED = range(3)


class Shape(NamedTuple):
    """``name`` in lower case is what was denied or where the zone below begins."""

    kind: Kind
    name: bytes


def shape_of(name: bytes, qtype: int, sections: Sections) -> Shape:
    """The shape of an answer for ``name``, in lower case. A proof that is there already counts as an answer."""
    last = _last_name(name, qtype, sections.answer)
    authority = sections.authority
    if last is None or any(record.type in _DENIALS for record in authority):
        return Shape(Kind.ANSWERED, name)
    about = [record for record in authority if is_below(last, record.owner.lower())]
    if not authority or any(record.type == SOA for record in about):
        return Shape(Kind.DENIED, last)
    cut = next((record.owner.lower() for record in about if record.type == NS), None)
    if cut is None or any(record.type == DS for record in about):
        return Shape(Kind.ANSWERED, name)
    return Shape(Kind.REFERRED, cut)


def _last_name(name: bytes, qtype: int, answer: Iterable[Record]) -> bytes | None:
    """The name at which the aliases end without an answer; None where there is one, or no end."""
    aliases: dict[bytes, bytes] = {}
    answered: set[bytes] = set()
    for record in answer:
        owner = record.owner.lower()
        if record.type == qtype or (qtype == ANY and record.type != RRSIG):
            answered.add(owner)
        elif record.type == CNAME:
            aliases[owner] = record.rdata.lower()
    for _ in range(_MOST_ALIASES):
        if name in answered:
            return None
        if name not in aliases:
            return name
        name = aliases[name]
    return None


class RecordSet(NamedTuple):
    """Records of one owner (in lower case), type and class; ``is_signed`` tells that signatures came with them."""

    owner: bytes
    rtype: int
    records: list[Record]
    is_signed: bool


def record_sets(section: Iterable[Record]) -> list[RecordSet]:
    """The sets in the order in which they begin, without signatures."""
    groups: dict[tuple[bytes, int, int], list[Record]] = {}
    covered: set[tuple[bytes, int]] = set()
    for record in section:
        owner = record.owner.lower()
        if record.type == RRSIG:
            covered.add((owner, int.from_bytes(record.rdata[:2], "big")))
        else:
            groups.setdefault((owner, record.type, record.rclass), []).append(record)
    return [
        RecordSet(owner, rtype, records, (owner, rtype) in covered) for (owner, rtype, _), records in groups.items()
    ]
