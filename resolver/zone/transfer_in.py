"""Zones on their way in (RFC 5936, RFC 1995): answers of a primary one after the other, until the zone is there.

Pure: octets in, a zone out. Parsing and putting together may take seconds, so both are made for another thread.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Final

from resolver.errors import WireError, ZoneError
from resolver.wire.constants import AXFR, IN, IXFR, NOERROR, OPCODE_MASK, QR, SOA, TC, rcode_name
from resolver.wire.message import Message
from resolver.wire.names import is_below, to_text
from resolver.wire.records import Record, encode
from resolver.zone.data import Zone, build
from resolver.zone.journal import soa_of
from resolver.zone.serial import is_newer, serial_of

MOST_RECORDS: Final = 5_000_000
MOST_OCTETS: Final = 1 << 29

_META: Final = range(249, 256)
_SHORTEST_SOA: Final = 22

_RecordKey = tuple[bytes, int, bytes]


class Refused(ZoneError):
    """A primary answered with a code: it will not, or cannot, do what it was asked for."""


class _Mode(Enum):
    UNKNOWN, WHOLE, REMOVING, ADDING, DONE, CURRENT = range(6)


def question(origin: bytes, qtype: int) -> bytes:
    """The question for a zone."""
    return origin + qtype.to_bytes(2, "big") + IN.to_bytes(2, "big")


def request(message_id: int, origin: bytes, base: Zone | None) -> bytes:
    """AXFR, or IXFR where there is a version of the zone to begin with."""
    head = message_id.to_bytes(2, "big") + b"\0\0\0\1\0\0"
    if base is None:
        return head + b"\0\0\0\0" + question(origin, AXFR)
    soa = encode(origin, (), [soa_of(base)]).data
    return head + b"\0\1\0\0" + question(origin, IXFR) + soa


def check_answer(message: Message, message_id: int, asked: bytes) -> None:
    """Whether a message answers a question. Raises Refused with its code, WireError where it is something else."""
    if message.id != message_id or not message.flags & QR or message.flags & (OPCODE_MASK | TC):
        raise WireError("the answer does not belong to the question")
    if message.rcode != NOERROR:
        raise Refused(f"it answered {rcode_name(message.rcode)}")
    if message.question and message.question.lower() != asked:
        raise WireError("the answer is to another question")


class Incoming:
    """One transfer of a zone; with ``base`` it may bring differences to that version."""

    def __init__(
        self, origin: bytes, base: Zone | None = None, *, records: int = MOST_RECORDS, octets: int = MOST_OCTETS
    ) -> None:
        self.origin = origin
        self._base = base
        self._records_left = records
        self._octets_left = octets
        self._mode = _Mode.UNKNOWN
        self._newest: Record | None = None
        self._reached = 0
        self._records: list[Record] = []
        self._changes: dict[_RecordKey, Record | None] = {}
        self._expected: set[_RecordKey] = set()

    @property
    def is_current(self) -> bool:
        """Whether the primary has nothing newer than the base."""
        return self._mode is _Mode.CURRENT

    def take(self, message: Message) -> bool:
        """The next message; whether it is the last. Raises WireError, ZoneError where it makes no sense."""
        self._octets_left -= len(message.octets)
        self._records_left -= sum(message.counts)
        if self._octets_left < 0 or self._records_left < 0:
            raise ZoneError("the zone is larger than what is taken in")
        for record in message.sections().answer:
            self._take(record)
        if self._mode is _Mode.UNKNOWN and self._base is not None and self._newest is not None:
            self._stand_still(self._newest, self._base)
        return self._mode in (_Mode.DONE, _Mode.CURRENT)

    def zone(self) -> Zone:
        """The zone, once the last message was taken. Raises ZoneError."""
        if self._mode is not _Mode.DONE or self._newest is None:
            raise ZoneError("the transfer is not complete")
        if self._changes or (self._base is not None and not self._records):
            return build(self.origin, self._patched())
        records, self._records = self._records, []
        return build(self.origin, records)

    def _stand_still(self, newest: Record, base: Zone) -> None:
        """A message with nothing but the SOA: nothing is newer."""
        if is_newer(serial_of(newest), base.serial):
            raise ZoneError("the primary sent the newest SOA and no changes")
        self._mode = _Mode.CURRENT

    def _take(self, record: Record) -> None:
        if record.rclass != IN or record.type in _META:
            raise ZoneError("the transfer has a record that no zone has")
        is_soa = record.type == SOA and record.owner.lower() == self.origin
        if is_soa and len(record.rdata) < _SHORTEST_SOA:
            raise WireError("SOA is cut off")
        newest = self._newest
        if newest is None:
            if not is_soa:
                raise ZoneError("the transfer does not begin with the SOA record")
            self._newest = record
        elif self._mode is _Mode.DONE:
            raise ZoneError("something follows the end of the transfer")
        elif is_soa:
            self._turn(record, newest)
        else:
            self._keep(record, newest)

    def _turn(self, soa: Record, newest: Record) -> None:
        """An SOA in the midst of a transfer: the end of it, or of what one version removes or adds."""
        serial = serial_of(soa)
        if self._mode is _Mode.REMOVING:
            self._reached, self._mode = serial, _Mode.ADDING
        elif self._mode is _Mode.ADDING:
            if serial != self._reached:
                raise ZoneError("the differences do not follow each other")
            self._mode = _Mode.DONE if serial == serial_of(newest) else _Mode.REMOVING
        elif self._mode is _Mode.UNKNOWN and self._base is not None and serial != serial_of(newest):
            if serial != self._base.serial:
                raise ZoneError("the differences are to another version")
            self._mode = _Mode.REMOVING
        elif serial != serial_of(newest):
            raise ZoneError("the zone changed during its transfer")
        else:
            self._records.append(newest)
            self._mode = _Mode.DONE

    def _keep(self, record: Record, newest: Record) -> None:
        if self._mode is _Mode.UNKNOWN:
            self._mode = _Mode.WHOLE
        if not is_below(record.owner.lower(), self.origin):
            return  # what a primary knows of others' names is not part of the zone
        if self._mode is _Mode.WHOLE:
            self._records.append(record)
            return
        key = _key(record)
        if self._mode is _Mode.ADDING:
            self._changes[key] = record
            return
        if key not in self._changes:
            self._expected.add(key)
        self._changes[key] = None

    def _patched(self) -> Iterator[Record]:
        """The records of the base with all changes. Raises ZoneError where something is to go that is not there."""
        if self._base is None or self._newest is None:
            raise ZoneError("there is nothing to change")
        yield self._newest
        changes, expected = self._changes, self._expected
        for record in self._base.records():
            key = _key(record)
            if key in changes:
                expected.discard(key)
            elif record.type != SOA:
                yield record
        if expected:
            raise ZoneError(f"the differences do not fit to the version of {to_text(self.origin)} that is here")
        yield from (record for record in changes.values() if record is not None)


def _key(record: Record) -> _RecordKey:
    return record.owner.lower(), record.type, record.rdata
