"""An answer as one string of octets: a head, the offsets of its TTL fields, the records."""

from __future__ import annotations

from struct import Struct
from typing import NamedTuple, TypeAlias

from resolver.wire.records import Body
from resolver.wire.ttl import with_ttl

# Stored and life in seconds, TTL shown at first, rcode, flags, three counts of records, number of TTL fields.
HEAD = Struct("<ddIHHHHHH")
_OFFSETS = tuple(Struct(f"<{count}H") for count in range(64))

# Beside the header flags that are kept (RA, AD) a head's flags hold these bits, which no reply has.
ANSWERS = 0x0001
FOR_ALL = 0x0002
INSIDE = 0x0004


# A head as it is unpacked; naming its fields costs more than all else that a hit does with it.
RawHead: TypeAlias = tuple[float, float, int, int, int, int, int, int, int]


class Head(NamedTuple):
    """The fixed part of an entry.

    ``stored`` is in seconds of the host's clock, ``life`` the seconds that it may be served for. ``shown`` is the TTL
    that all records had then. ``flags`` are RA and AD as the answer had them, ANSWERS where the records answer
    the question, FOR_ALL where an upstream that saw a client's subnet said that the answer is for everybody, and INSIDE
    where a part of this server gave the answer.
    """

    stored: float
    life: float
    shown: int
    rcode: int
    flags: int
    answers: int
    authorities: int
    additionals: int
    ttls: int


def pack(stored: float, life: float, shown: int, rcode: int, flags: int, body: Body) -> bytes:
    """The entry for an answer whose TTLs are already ``shown``."""
    count = len(body.ttls)
    head = HEAD.pack(stored, life, shown, rcode, flags, body.answers, body.authorities, body.additionals, count)
    return head + _offsets(count).pack(*body.ttls) + body.data


def head_of(entry: bytes) -> Head:
    """The fixed part."""
    return Head._make(HEAD.unpack_from(entry))


def body_of(entry: bytes, head: RawHead, ttl: int) -> Body:
    """The records with every TTL set to ``ttl``."""
    count = head[8]
    offsets = _offsets(count)
    ttls = offsets.unpack_from(entry, HEAD.size)
    data = entry[HEAD.size + offsets.size :]
    return Body(head[5], head[6], head[7], with_ttl(data, ttls, ttl) if count else data, ttls)


def _offsets(count: int) -> Struct:
    return _OFFSETS[count] if count < len(_OFFSETS) else Struct(f"<{count}H")
