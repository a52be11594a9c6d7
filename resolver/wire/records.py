"""Resource records as values, and sections of them as octets."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final, NamedTuple

from resolver.errors import WireError
from resolver.wire.constants import CNAME, DNAME, HEADER_SIZE, IN, MAX_TTL, MX, NAPTR, NS, PTR, SOA, SRV
from resolver.wire.names import ROOT, plain_name, read_name

_FIXED = Struct("!HHIH")  # type, class, TTL, rdata length
_MAX_POINTER = 0x3FFF
_QUESTION_POINTER = b"\xc0\x0c"


class Record(NamedTuple):
    """One record: wire name, type, class, TTL in seconds, rdata with its names uncompressed."""

    owner: bytes
    type: int
    rclass: int
    ttl: int
    rdata: bytes


class Body(NamedTuple):
    """The three sections behind a question, as octets that fit behind any question of the same length.

    ``ttls`` are the offsets of the TTL fields within ``data``. OPT and TSIG are never part of it.
    """

    answers: int
    authorities: int
    additionals: int
    data: bytes
    ttls: tuple[int, ...]


EMPTY_BODY: Final = Body(0, 0, 0, b"", ())


def encode(
    qname: bytes,
    answer: Sequence[Record] = (),
    authority: Sequence[Record] = (),
    additional: Sequence[Record] = (),
) -> Body:
    """The sections behind a question for ``qname``, owners and RFC 1035 rdata names compressed.

    Raises WireError for names or rdata that are malformed, and for numbers that do not fit their fields.
    """
    if not (answer or authority or additional):
        return EMPTY_BODY
    writer = _Writer(qname)
    try:
        for section in (answer, authority, additional):
            writer.add(section)
    except struct.error:
        raise WireError("type, class, TTL or length of a record is out of range") from None
    return Body(len(answer), len(authority), len(additional), bytes(writer.out), tuple(writer.ttls))


class _Writer:
    """Appends records and remembers at which message offset each name suffix stands."""

    __slots__ = ("base", "out", "qname", "seen", "to_question", "ttls")

    def __init__(self, qname: bytes) -> None:
        self.out = bytearray()
        self.ttls: list[int] = []
        self.qname = qname.lower()
        self.to_question = ROOT if qname == ROOT else _QUESTION_POINTER
        self.base = HEADER_SIZE + len(qname) + 4
        self.seen: dict[bytes, int] | None = None

    def add(self, records: Iterable[Record]) -> None:
        out = self.out
        for owner, rtype, rclass, ttl, rdata in records:
            if owner.lower() == self.qname:
                out += self.to_question
            else:
                self._name(owner)
            self.ttls.append(len(out) + 4)
            out += _FIXED.pack(rtype, rclass, ttl, len(rdata))
            prefix = _COMPRESSIBLE.get(rtype)
            if prefix is None:
                out += rdata
                if rtype == SRV:
                    self._note(rdata)
            else:
                self._rdata(rtype, prefix, rdata)

    def _rdata(self, rtype: int, prefix: int, rdata: bytes) -> None:
        out, start = self.out, len(self.out)
        out += rdata[:prefix]
        name, end = plain_name(rdata, prefix)
        self._name(name)
        if rtype == SOA:
            name, end = plain_name(rdata, end)
            self._name(name)
        out += rdata[end:]
        out[start - 2 : start] = (len(out) - start).to_bytes(2, "big")

    def _note(self, rdata: bytes) -> None:
        """The target of an SRV record stays whole (RFC 2782), but its address records may point to it."""
        seen, name = self._suffixes(), rdata[6:]
        here = self.base + len(self.out) - len(name)
        while name and name != ROOT and here <= _MAX_POINTER:
            if seen.setdefault(name.lower(), here) != here:
                return
            size = 1 + name[0]
            name, here = name[size:], here + size

    def _name(self, name: bytes) -> None:
        seen, out = self._suffixes(), self.out
        while name != ROOT:
            key = name.lower()
            at = seen.get(key)
            if at is not None:
                out += (0xC000 | at).to_bytes(2, "big")
                return
            here = self.base + len(out)
            if here <= _MAX_POINTER:
                seen[key] = here
            size = 1 + name[0]
            out += name[:size]
            name = name[size:]
        out += ROOT

    def _suffixes(self) -> dict[bytes, int]:
        """Filled only when a name other than the question's is met."""
        if self.seen is None:
            self.seen = {}
            offset = 0
            while length := self.qname[offset]:
                self.seen[self.qname[offset:]] = HEADER_SIZE + offset
                offset += 1 + length
        return self.seen


# Octets before the first name in rdata, for the types whose names may be compressed (RFC 3597 section 4).
_COMPRESSIBLE: Final = {NS: 0, CNAME: 0, PTR: 0, SOA: 0, MX: 2}

# Where names stand in the rdata of older types: octets to skip, "name" or "text" (a character string).
NAME = "name"
NAMED_TYPES: Final[dict[int, tuple[int | str, ...]]] = {
    NS: (NAME,), 3: (NAME,), 4: (NAME,), CNAME: (NAME,), 7: (NAME,), 8: (NAME,), 9: (NAME,), PTR: (NAME,),
    DNAME: (NAME,),
    SOA: (NAME, NAME), 14: (NAME, NAME), 17: (NAME, NAME),
    MX: (2, NAME), 18: (2, NAME), 21: (2, NAME), 36: (2, NAME), 26: (2, NAME, NAME), SRV: (6, NAME),
    NAPTR: (4, "text", "text", "text", NAME), 24: (18, NAME), 30: (NAME,),
}  # fmt: skip


def plain_rdata(message: bytes, rtype: int, offset: int, length: int) -> bytes:
    """The rdata at ``offset`` with compressed names written out. Raises WireError."""
    end = offset + length
    layout = NAMED_TYPES.get(rtype)
    if layout is None:
        return message[offset:end]
    parts: list[bytes] = []
    for part in layout:
        if part == NAME:
            name, offset = read_name(message, offset)
            parts.append(name)
            continue
        size = part if isinstance(part, int) else 1 + message[offset] if offset < end else 1
        parts.append(message[offset : offset + size])
        offset += size
    if offset > end:
        raise WireError("name in rdata runs past its record")
    parts.append(message[offset:end])
    return b"".join(parts)


def clamp_ttl(ttl: int) -> int:
    """A TTL with the top bit set counts as zero (RFC 2181 section 8)."""
    return ttl if ttl <= MAX_TTL else 0


def record(owner: bytes, rtype: int, ttl: int, rdata: bytes, rclass: int = IN) -> Record:
    """A record of class IN unless said otherwise."""
    return Record(owner, rtype, rclass, ttl, rdata)


def soa_minimum(rdata: bytes) -> int:
    """The last field of a SOA's rdata, in seconds (RFC 2308 section 4). Raises WireError."""
    if len(rdata) < 22:
        raise WireError("SOA is cut off")
    return clamp_ttl(int.from_bytes(rdata[-4:], "big"))
