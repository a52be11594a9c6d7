"""Zones on their way out (RFC 5936, RFC 1995): records in the order of a transfer, packed into messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from resolver.chain.reply import Bodies
from resolver.wire.records import Body, Record, encode

# Octets of records in a message before names are compressed. A pointer reaches 16 KiB, and what is made at a time
# keeps all others waiting.
MESSAGE_SIZE: Final = 24_000
_FIXED: Final = 10


class Outgoing(Bodies):
    """The messages that hold the records, each made when it is its turn. ``ended`` is told how many records left."""

    __slots__ = ("_ended", "_first", "_qname", "_records", "_size", "count", "is_whole")

    def __init__(
        self, qname: bytes, records: Iterable[Record], ended: Callable[[Outgoing], None], size: int = MESSAGE_SIZE
    ) -> None:
        self._qname = qname
        self._records: Iterator[Record] | None = iter(records)
        self._ended = ended
        self._size = size
        self._first: Record | None = None
        self.count = 0
        self.is_whole = False

    def __next__(self) -> Body:
        batch = self._batch()
        if not batch:
            self.is_whole = True
            raise StopIteration
        self.count += len(batch)
        return encode(self._qname, batch)

    def close(self) -> None:
        if self._records is not None:
            self._records = None
            self._ended(self)

    def _batch(self) -> list[Record]:
        """Records for one message, at least one where there are any."""
        records = self._records
        if records is None:
            return []
        batch, room = [], self._size
        if self._first is not None:
            batch.append(self._first)
            room -= _octets(self._first)
            self._first = None
        for record in records:
            room -= _octets(record)
            if room < 0 and batch:
                self._first = record
                break
            batch.append(record)
        return batch


def _octets(record: Record) -> int:
    return len(record.owner) + _FIXED + len(record.rdata)


def whole(soa: Record, others: Iterator[Record]) -> Iterator[Record]:
    """All records of a zone, the SOA first and last (RFC 5936 section 2.2)."""
    yield soa
    yield from others
    yield soa
