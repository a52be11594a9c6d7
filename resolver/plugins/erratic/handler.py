"""Answers that are not to be relied on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from struct import Struct
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_records, silence
from resolver.plugins.erratic.settings import Settings
from resolver.wire.constants import AAAA, AXFR, IN, NS, SOA, TC, A
from resolver.wire.names import from_text
from resolver.wire.records import Record

_ADDRESSES: Final = {A: bytes((192, 0, 2, 53)), AAAA: bytes.fromhex("20010db8000000000000000000000053")}
_READY_FROM, _READY_UNTIL = 3, 5  # queries that were seen
_MORE: Final = 29  # records besides the first that make an answer large: more than 512 octets
_SEARCH: Final = (from_text("a.example.org"), from_text("b.example.org"))
_NUMBERS: Final = Struct("!IIIII").pack(1, 7200, 3600, 1209600, 3600)


class Erratic(Plugin):
    """Answers A and AAAA for every name, and fails in the ways that were asked for, in turn."""

    name = "erratic"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._seen = 0

    def is_ready(self) -> bool:
        """With the fourth query, and not for long: whoever asks can see both."""
        return _READY_FROM <= self._seen < _READY_UNTIL

    def search_path(self, query: Query) -> Sequence[bytes]:
        """What every client searches, for ``autopath @erratic``."""
        return _SEARCH

    async def resolve(self, query: Query, next: Handler) -> Reply:
        settings, number = self.settings, self._seen
        self._seen += 1
        if _is_due(number, settings.drop):
            return silence(query, self.name)
        if _is_due(number, settings.delay):
            await asyncio.sleep(settings.duration)
        is_cut = _is_due(number, settings.truncate)
        if query.qtype == AXFR:
            return from_records(query, self.name, _zone(query.qname, whole=not is_cut))
        rdata = _ADDRESSES.get(query.qtype)
        if rdata is None:
            return failure(query, self.name)
        count = 1 + _MORE if settings.large and query.qtype == A else 1
        reply = from_records(query, self.name, [Record(query.qname, query.qtype, query.qclass, 0, rdata)] * count)
        reply.flags |= TC if is_cut else 0
        return reply


def _is_due(number: int, every: int) -> bool:
    return every > 0 and number % every == 0


def _zone(name: bytes, *, whole: bool) -> list[Record]:
    """A small zone as a transfer, which ends with the SOA it began with where it is whole (RFC 5936 section 2.2)."""
    start = Record(name, SOA, IN, 0, from_text("a.") + from_text("b.") + _NUMBERS)
    records = [start]
    for label, address in ((b"\1a", "20010db8000000000000000000000053"), (b"\1b", "20010db8000000000000000000000054")):
        if len(label + name) <= 255:
            records.append(Record(name, NS, IN, 0, label + name))
            records.append(Record(label + name, AAAA, IN, 0, bytes.fromhex(address)))
    return [*records, start] if whole else records
