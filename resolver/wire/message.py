"""A whole message, scanned once: header, question, where each record stands, EDNS."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from resolver.errors import EdnsError, WireError
from resolver.wire.constants import AAAA, CNAME, DNAME, HEADER_SIZE, IN, MAX_MESSAGE, NS, OPT, PTR, RCODE_MASK, TSIG, A
from resolver.wire.edns import Edns, read_opt
from resolver.wire.header import HEADER
from resolver.wire.names import ROOT, plain_name, read_name
from resolver.wire.records import NAMED_TYPES, Body, Record, clamp_ttl, encode, plain_rdata

_FIXED = Struct("!HHIH")
_QUESTION = Struct("!HH")
ANSWER, AUTHORITY, ADDITIONAL = 0, 1, 2

# Names may be written out to so many octets in all; compression could make megabytes of one message.
MAX_DECODED: Final = 8 * MAX_MESSAGE

_SMALLEST_RECORD: Final = 11
_SINGLE_NAMES: Final = frozenset((NS, CNAME, PTR, DNAME))
_ADDRESS_SIZES: Final = {A: 4, AAAA: 16}


class Span(NamedTuple):
    """Where one record stands in the message: its octets are ``message[start:end]``."""

    section: int
    start: int
    type: int
    rclass: int
    ttl: int
    ttl_at: int
    end: int


class Sections(NamedTuple):
    """The decoded records of a message, without OPT and TSIG."""

    answer: list[Record]
    authority: list[Record]
    additional: list[Record]


@dataclass(slots=True)
class Message:
    """A scanned message. ``question`` is wire name, type and class as octets; empty without a question.

    ``opt`` is where the OPT record begins and ends, two zeros without one.
    """

    octets: bytes
    id: int
    flags: int
    qname: bytes
    qtype: int
    qclass: int
    question: bytes
    spans: list[Span]
    edns: Edns | None
    has_tsig: bool
    opt: tuple[int, int]

    @property
    def rcode(self) -> int:
        """The full rcode, upper bits from OPT included."""
        upper = self.edns.upper_rcode << 4 if self.edns else 0
        return upper | self.flags & RCODE_MASK

    def sections(self) -> Sections:
        """All records with their names written out, at most ``MAX_DECODED`` octets of them."""
        out = Sections([], [], [])
        for span in self.spans:
            owner, _ = read_name(self.octets, span.start)
            at = span.ttl_at + 6
            rdata = plain_rdata(self.octets, span.type, at, span.end - at)
            out[span.section].append(Record(owner, span.type, span.rclass, span.ttl, rdata))
        return out

    def body(self) -> Body:
        """The sections as octets, without OPT.

        The octets are used as they came unless OPT stands before other records: then pointers would go astray.
        TTLs that count as zero become zero.
        """
        start = HEADER_SIZE + len(self.question)
        spans = self.spans
        end = spans[-1].end if spans else start
        if self.opt[0] and self.opt[0] < end:
            return encode(self.qname, *self.sections())
        octets = self.octets
        counts = [0, 0, 0]
        for span in spans:
            counts[span.section] += 1
            if octets[span.ttl_at] > 0x7F:
                octets = octets[: span.ttl_at] + bytes(4) + octets[span.ttl_at + 4 :]
        ttls = tuple(span.ttl_at - start for span in spans)
        return Body(counts[0], counts[1], counts[2], octets[start:end], ttls)


def scan(octets: bytes) -> Message:
    """Check the whole message and note where its records are. Octets behind the last record are ignored.

    Raises WireError for anything cut off, for names that cannot be read or would fill more than ``MAX_DECODED`` octets,
    for addresses of a wrong length, more than one question, a second OPT (RFC 6891 section 6.1.1), and a TSIG with
    anything behind it (RFC 8945 section 5.1).
    """
    if len(octets) < HEADER_SIZE:
        raise WireError("message is shorter than a header")
    message_id, flags, questions, *counts = HEADER.unpack_from(octets)
    if questions > 1 or sum(counts) * _SMALLEST_RECORD > len(octets) - HEADER_SIZE:
        raise WireError("message claims too many questions or records")
    qname, qtype, qclass, offset = ROOT, 0, 0, HEADER_SIZE
    if questions:
        qname, qtype, qclass, offset = read_question(octets)
    message = Message(
        octets, message_id, flags, qname, qtype, qclass, octets[HEADER_SIZE:offset], [], None, False, (0, 0)
    )
    decoded = 0
    known = {HEADER_SIZE: len(qname)} if questions else {}
    for section, count in enumerate(counts):
        for _ in range(count):
            offset, size = _scan_record(message, section, offset, known)
            decoded += size
            if decoded > MAX_DECODED:
                raise WireError("records are too large when their names are written out")
    return message


def read_question(octets: bytes) -> tuple[bytes, int, int, int]:
    """Name, type and class of the first question, and the offset behind it. Raises WireError.

    A pointer in the first name of a message has nothing to point to, so none is followed.
    """
    qname, offset = plain_name(octets, HEADER_SIZE)
    if offset + 4 > len(octets):
        raise WireError("question is cut off")
    qtype, qclass = _QUESTION.unpack_from(octets, offset)
    return qname, qtype, qclass, offset + 4


def as_message(question: bytes, body: Body) -> bytes:
    """The message in which ``body`` stands behind ``question``; ID and flags are zero. Raises WireError."""
    counts = (1, body.answers, body.authorities, body.additionals)
    if max(counts) > MAX_MESSAGE:
        raise WireError("section has more records than can be counted")
    return HEADER.pack(0, 0, *counts) + question + body.data


def _scan_record(message: Message, section: int, start: int, known: dict[int, int]) -> tuple[int, int]:
    """Note the record at ``start``; the offset behind it, and how many octets its names are when written out.

    ``known`` are the sizes of names by their offsets.
    """
    octets = message.octets
    if message.has_tsig:
        raise WireError("TSIG is not the last record")
    offset, size = _check_name(octets, start, known)
    if offset + 10 > len(octets):
        raise WireError("record is cut off")
    rtype, rclass, ttl, length = _FIXED.unpack_from(octets, offset)
    end = offset + 10 + length
    if end > len(octets):
        raise WireError("rdata is cut off")
    if rtype in _SINGLE_NAMES:
        name_end, name_size = _check_name(octets, offset + 10, known)
        if name_end > end:
            raise WireError("name in rdata runs past its record")
        size += name_size
    elif rtype in NAMED_TYPES:
        size += len(plain_rdata(octets, rtype, offset + 10, length))
    elif rtype in _ADDRESS_SIZES and length != _ADDRESS_SIZES[rtype] and rclass == IN:
        raise WireError("address has a wrong length")
    if rtype == OPT:
        if message.edns is not None or section != ADDITIONAL or octets[start]:
            raise EdnsError("OPT stands twice, in the wrong section or below a name")
        message.edns = read_opt(rclass, ttl, octets[offset + 10 : end])
        message.opt = (start, end)
    elif rtype == TSIG:
        message.has_tsig = True
    else:
        message.spans.append(Span(section, start, rtype, rclass, clamp_ttl(ttl), offset + 4, end))
    return end, size


def _check_name(octets: bytes, at: int, known: dict[int, int]) -> tuple[int, int]:
    """The offset behind the name at ``at``, and its size when written out. Most names are pointers to known ones."""
    if at + 1 < len(octets) and octets[at] >= 0xC0:
        target = (octets[at] & 0x3F) << 8 | octets[at + 1]
        size = known.get(target)
        if size is None:
            name, _ = read_name(octets, at)
            size = known[target] = len(name)
        return at + 2, size
    name, end = read_name(octets, at)
    size = known[at] = len(name)
    return end, size
