"""A whole message, scanned once: header, question, where each record stands, EDNS."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final, NamedTuple

from resolver.errors import EdnsError, WireError
from resolver.wire.checks import ADDRESS_SIZES, Known, check_name, check_rdata
from resolver.wire.constants import (
    CD,
    HEADER_SIZE,
    IN,
    MAX_MESSAGE,
    MIN_UDP_SIZE,
    OPCODE_MASK,
    OPT,
    QR,
    RCODE_MASK,
    RD,
    TSIG,
)
from resolver.wire.edns import Edns, read_opt, write_opt
from resolver.wire.header import HEADER
from resolver.wire.names import ROOT, plain_name, read_name
from resolver.wire.records import Body, Record, clamp_ttl, encode, plain_rdata

_FIXED = Struct("!HHIH")
_QUESTION = Struct("!HH")
ANSWER, AUTHORITY, ADDITIONAL = 0, 1, 2

# Names may be written out to so many octets in all; compression could make megabytes of one message.
MAX_DECODED: Final = 8 * MAX_MESSAGE

_SMALLEST_RECORD: Final = 11
_OPT_HEAD: Final = 11  # octets in front of the options
_OPT_START: Final = b"\0\0\x29"
_APART: Final = frozenset((OPT, TSIG))
_NO_RECORDS: Final = [0, 0, 0]


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

    ``counts`` are the records of the three sections without OPT and TSIG, ``ttls`` the offsets of their TTL fields in
    the message, ``end`` the offset behind the last of them. ``opt`` and ``tsig`` are the offsets of OPT and TSIG,
    0 without one.
    """

    octets: bytes
    id: int
    flags: int
    question: bytes
    counts: tuple[int, int, int]
    ttls: list[int]
    end: int
    edns: Edns | None = None
    opt: int = 0
    tsig: int = 0

    @property
    def qname(self) -> bytes:
        """The wire name that was asked for, the root without a question."""
        return self.question[:-4] or ROOT

    @property
    def qtype(self) -> int:
        """The type that was asked for, 0 without a question."""
        return int.from_bytes(self.question[-4:-2], "big")

    @property
    def qclass(self) -> int:
        """The class that was asked for, 0 without a question."""
        return int.from_bytes(self.question[-2:], "big")

    @property
    def rcode(self) -> int:
        """The full rcode, upper bits from OPT included."""
        upper = self.edns.upper_rcode << 4 if self.edns else 0
        return upper | self.flags & RCODE_MASK

    @property
    def spans(self) -> list[Span]:
        """Where each record stands, OPT and TSIG left out."""
        found, start = [], HEADER_SIZE + len(self.question)
        sections = [section for section, count in enumerate(self.counts) for _ in range(count)]
        for section, at in zip(sections, self.ttls, strict=True):
            rtype, rclass, ttl, length = _FIXED.unpack_from(self.octets, at - 4)
            if self.opt == start:
                start = _behind(self.octets, start)
            end = at + 6 + length
            found.append(Span(section, start, rtype, rclass, clamp_ttl(ttl), at, end))
            start = end
        return found

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
        if self.opt and self.opt < self.end:
            return encode(self.qname, *self.sections())
        octets = self.octets
        for at in self.ttls:
            if octets[at] > 0x7F:
                octets = octets[:at] + bytes(4) + octets[at + 4 :]
        return Body(*self.counts, octets[start : self.end], tuple([at - start for at in self.ttls]))


def scan(octets: bytes) -> Message:
    """Check the whole message and note where its records are. Octets behind the last record are ignored.

    Raises WireError for anything cut off, for names that cannot be read or would fill more than ``MAX_DECODED`` octets,
    for addresses of a wrong length, more than one question, a second OPT (RFC 6891 section 6.1.1), and a TSIG in
    another section than the last or with anything behind it (RFC 8945 section 5.1).
    """
    if len(octets) < HEADER_SIZE:
        raise WireError("message is shorter than a header")
    message_id, flags, questions, *counts = HEADER.unpack_from(octets)
    if questions > 1 or sum(counts) * _SMALLEST_RECORD > len(octets) - HEADER_SIZE:
        raise WireError("message claims too many questions or records")
    end = HEADER_SIZE
    if questions:
        end = plain_name(octets, HEADER_SIZE)[1] + 4
        if end > len(octets):
            raise WireError("question is cut off")
    message = Message(octets, message_id, flags, octets[HEADER_SIZE:end], (counts[0], counts[1], counts[2]), [], end)
    if counts != _NO_RECORDS:
        _scan_records(message)
    return message


def _scan_records(message: Message) -> None:
    """Check the records behind the question and note them. Most are owned by its name."""
    octets, ttls, total = message.octets, message.ttls, len(message.octets)
    offset = message.end
    own_size = len(message.question) - 4
    known: Known = {HEADER_SIZE: (own_size, 0)} if own_size > 0 else {}
    decoded = 0
    for section, count in enumerate(message.counts):
        for _ in range(count):
            start = offset
            offset, size = check_name(octets, start, known, ttls)
            if offset + 10 > total:
                raise WireError("record is cut off")
            rtype, rclass, ttl, length = _FIXED.unpack_from(octets, offset)
            end = offset + 10 + length
            if end > total or message.tsig:
                raise WireError("rdata is cut off, or something follows TSIG")
            decoded += size
            if rtype in _APART:
                apart = Record(octets[start:offset], rtype, rclass, ttl, octets[offset + 10 : end])
                _set_apart(message, section, start, apart)
            else:
                if rtype not in ADDRESS_SIZES:
                    decoded += check_rdata(octets, rtype, offset + 10, length, known, ttls)
                elif length != ADDRESS_SIZES[rtype] and rclass == IN:
                    raise WireError("address has a wrong length")
                if decoded > MAX_DECODED:
                    raise WireError("records are too large when their names are written out")
                ttls.append(offset + 4)
                message.end = end
            offset = end


def _set_apart(message: Message, section: int, start: int, found: Record) -> None:
    """Note OPT or TSIG, which are about the message and no data in it."""
    if found.type == TSIG:
        if section != ADDITIONAL:
            raise WireError("TSIG stands in the wrong section")
        message.tsig = start
    elif message.edns is not None or section != ADDITIONAL or found.owner != ROOT:
        raise EdnsError("OPT stands twice, in the wrong section or below a name")
    else:
        message.edns = read_opt(found.rclass, found.ttl, found.rdata)
        message.opt = start
    counts = list(message.counts)
    counts[section] -= 1
    message.counts = (counts[0], counts[1], counts[2])


def _behind(octets: bytes, start: int) -> int:
    """The offset behind the record at ``start``."""
    _, offset = read_name(octets, start)
    return offset + 10 + int.from_bytes(octets[offset + 8 : offset + 10], "big")


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


def empty_answer(query: bytes, flags: int, options: bytes = b"") -> bytes:
    """An answer without records to a query of a question and perhaps OPT; ``flags`` are those to set, rcode included.

    OPT, with ``options``, goes to who sent it. Raises WireError.
    """
    _, _, _, end = read_question(query)
    echoed = (query[2] << 8 | query[3]) & (OPCODE_MASK | RD | CD)
    opt = b""
    if query[end : end + 3] == _OPT_START and len(query) >= end + _OPT_HEAD:
        size = max(int.from_bytes(query[end + 3 : end + 5], "big"), MIN_UDP_SIZE)
        opt = write_opt(size, do=bool(query[end + 7] & 0x80), options=options)
    head = query[:2] + (QR | echoed | flags).to_bytes(2, "big")
    return head + b"\0\1\0\0\0\0\0" + (b"\1" if opt else b"\0") + query[HEADER_SIZE:end] + opt
