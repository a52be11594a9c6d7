"""A whole message, scanned once: header, question, where each record stands, EDNS."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from resolver.errors import WireError
from resolver.wire.constants import HEADER_SIZE, OPT, RCODE_MASK, TSIG
from resolver.wire.edns import Edns, read_opt
from resolver.wire.header import HEADER
from resolver.wire.names import ROOT, read_name, skip_name
from resolver.wire.records import Body, Record, clamp_ttl, encode, plain_rdata

_FIXED = Struct("!HHIH")
_QUESTION = Struct("!HH")
ANSWER, AUTHORITY, ADDITIONAL = 0, 1, 2

# The smallest record is eleven octets, so a message of 64 KiB cannot honestly claim more than this.
MAX_RECORDS: Final = 5957


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
    """A scanned message. ``question`` is wire name, type and class as octets; empty without a question."""

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
        """All records with their names written out. Raises WireError."""
        out = Sections([], [], [])
        for span in self.spans:
            owner, _ = read_name(self.octets, span.start)
            at = span.ttl_at + 6
            rdata = plain_rdata(self.octets, span.type, at, span.end - at)
            out[span.section].append(Record(owner, span.type, span.rclass, span.ttl, rdata))
        return out

    def body(self) -> Body:
        """The sections as octets, without OPT. Raises WireError.

        The octets are used as they came unless OPT stands before other records: then pointers would go astray.
        """
        start = HEADER_SIZE + len(self.question)
        spans = self.spans
        end = spans[-1].end if spans else start
        if self.opt[0] and self.opt[0] < end:
            return encode(self.qname, *self.sections())
        counts = [0, 0, 0]
        for span in spans:
            counts[span.section] += 1
        ttls = tuple(span.ttl_at - start for span in spans)
        return Body(counts[0], counts[1], counts[2], self.octets[start:end], ttls)


def scan(octets: bytes) -> Message:
    """Check the whole message and note where its records are. Octets behind the last record are ignored.

    Raises WireError for anything cut off, for more than one question and for a second OPT (RFC 6891 section 6.1.1).
    """
    if len(octets) < HEADER_SIZE:
        raise WireError("message is shorter than a header")
    message_id, flags, questions, *counts = HEADER.unpack_from(octets)
    if questions > 1 or sum(counts) > MAX_RECORDS:
        raise WireError("message claims too many questions or records")
    qname, qtype, qclass, offset = ROOT, 0, 0, HEADER_SIZE
    if questions:
        qname, qtype, qclass, offset = read_question(octets)
    message = Message(
        octets, message_id, flags, qname, qtype, qclass, octets[HEADER_SIZE:offset], [], None, False, (0, 0)
    )
    for section, count in enumerate(counts):
        for _ in range(count):
            offset = _scan_record(message, section, offset)
    return message


def read_question(octets: bytes) -> tuple[bytes, int, int, int]:
    """Name, type and class of the first question, and the offset behind it. Raises WireError.

    A pointer in the first name of a message has nothing to point to, so none is followed.
    """
    offset = skip_name(octets, HEADER_SIZE)
    qname = octets[HEADER_SIZE:offset]
    if len(qname) > 255 or qname[-1]:
        raise WireError("question name is too long or compressed")
    if offset + 4 > len(octets):
        raise WireError("question is cut off")
    qtype, qclass = _QUESTION.unpack_from(octets, offset)
    return qname, qtype, qclass, offset + 4


def _scan_record(message: Message, section: int, start: int) -> int:
    octets = message.octets
    offset = skip_name(octets, start)
    if offset + 10 > len(octets):
        raise WireError("record is cut off")
    rtype, rclass, ttl, length = _FIXED.unpack_from(octets, offset)
    end = offset + 10 + length
    if end > len(octets):
        raise WireError("rdata is cut off")
    if rtype == OPT:
        if message.edns is not None or section != ADDITIONAL or octets[start]:
            raise WireError("OPT stands twice, in the wrong section or below a name")
        message.edns = read_opt(rclass, ttl, octets[offset + 10 : end])
        message.opt = (start, end)
    elif rtype == TSIG:
        message.has_tsig = True
    else:
        message.spans.append(Span(section, start, rtype, rclass, clamp_ttl(ttl), offset + 4, end))
    return end
