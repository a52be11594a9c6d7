"""Answers to AXFR and IXFR."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final

from resolver.chain.capabilities import Transferable, Transferring, offering
from resolver.chain.contacts import UDP, Caller, Contact
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_records
from resolver.chain.setup import Block, Host
from resolver.errors import WireError
from resolver.plugins.transfer.changes import Changes
from resolver.plugins.transfer.notify import Notifier
from resolver.plugins.transfer.settings import Stanza
from resolver.wire.constants import AA, AXFR, FORMERR, IXFR, REFUSED, SERVFAIL, SOA
from resolver.wire.message import scan
from resolver.wire.names import suffixes, to_text
from resolver.wire.records import EMPTY_BODY, Record
from resolver.zone.data import Zone
from resolver.zone.journal import records_of, soa_of
from resolver.zone.serial import is_newer, serial_of
from resolver.zone.serving import ZoneSource
from resolver.zone.transfer_out import Outgoing, whole

# Where an answer may take many messages.
_STREAMS: Final = ("tcp", "tls", "quic")

# Each holds the version of the zone that it began with, and what the client has not read yet.
MOST_TRANSFERS: Final = 20


class Transfer(Plugin):
    """Hands on the zones of the other parts of its server block, and follows their changes."""

    name = "transfer"
    transparent = True

    def __init__(self, stanzas: tuple[Stanza, ...], block: Block, host: Host) -> None:
        self.log = host.log.named(self.name)
        self.under_way = 0
        self._worker = host.worker
        self._block = block
        self._stanzas: dict[bytes, Stanza] = {}
        for stanza in stanzas:
            for zone in stanza.zones:
                self._stanzas.setdefault(zone, stanza)
        self._changes: Changes | None = None

    def contacts(self) -> Iterator[Contact]:
        for stanza in self._stanzas.values():
            for host, port in stanza.told:
                yield Contact(host, port, UDP, "transfer: NOTIFY")

    def callers(self) -> Iterator[Caller]:
        for stanza in self._stanzas.values():
            for host, _ in stanza.told:
                yield Caller(host, "transfer: who fetches zones")

    async def start(self) -> None:
        """Follow the zones of the block; those that are there already count as changed."""
        self._changes = Changes(self._tell)
        self._notifier = Notifier(self.log)
        self._changes.follow(list(offering(self._block.parts, ZoneSource)))

    async def stop(self) -> None:
        if self._changes is not None:
            await self._changes.stop()
            await self._notifier.stop()
            self._changes = None

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.qtype not in (AXFR, IXFR):
            return await next(query)
        if query.transport not in _STREAMS:
            return failure(query, self.name, REFUSED)
        stanza = self._stanza(query.name)
        if stanza is None:
            return await next(query)
        if stanza.clients is not None and not stanza.clients.holds(query.client[0]):
            return failure(query, self.name, REFUSED)
        serial = None
        if query.qtype == IXFR:
            serial = _known_serial(query)
            if serial is None:
                return failure(query, self.name, FORMERR)
        return self._transfer(query, serial) or await next(query)

    def _stanza(self, name: bytes) -> Stanza | None:
        """The directive with the longest zone that the name is in."""
        return next((self._stanzas[zone] for zone in suffixes(name) if zone in self._stanzas), None)

    def _transfer(self, query: Query, serial: int | None) -> Reply | None:
        """The zone of exactly that name, None where nobody has it."""
        found = self._find(query)
        if found is None:
            return None
        if serial is not None and not is_newer(serial_of(found.soa), serial):
            return from_records(query, self.name, [found.soa])
        if self.under_way >= MOST_TRANSFERS:
            return failure(query, self.name, SERVFAIL, error=f"more than {MOST_TRANSFERS} transfers at a time")
        differences = None
        if serial is not None and self._changes is not None:
            differences = self._changes.since(query.name, serial, found.soa)
        records = whole(found.soa, found.others()) if differences is None else records_of(differences)
        kind = "transfer" if differences is None else "incremental transfer"
        self.under_way += 1
        stream = Outgoing(query.qname, records, partial(self._ended, kind, query, serial_of(found.soa)))
        return Reply(query.question, flags=AA, source=self.name, octets=EMPTY_BODY, stream=stream)

    def _find(self, query: Query) -> Transferable | None:
        for source in offering(self._block.parts, ZoneSource):
            zone = source.zones().get(query.name)
            if zone is not None:
                return Transferable(soa_of(zone), partial(_others, zone))
        for part in offering(self._block.parts, Transferring):
            found = part.transferable(query)
            if found is not None:
                return found
        return None

    def _ended(self, kind: str, query: Query, serial: int, stream: Outgoing) -> None:
        self.under_way -= 1
        what = f"{kind} of {to_text(query.name)} with serial {serial} to {query.client[0]}"
        if stream.is_whole:
            self.log.info(f"{what} done: {stream.count} records")
        else:
            self.log.warning(f"{what} ended after {stream.count} records: the client is gone or too slow")

    def _tell(self, zone: bytes) -> None:
        """Tell all who are to know of a change; one process does so for all."""
        stanza = self._stanza(zone)
        if stanza is not None and not self._worker:
            self._notifier.tell(zone, stanza)


def _others(zone: Zone) -> Iterator[Record]:
    """All records of a zone but the SOA."""
    records = zone.records()
    next(records)
    return records


def _known_serial(query: Query) -> int | None:
    """The serial number that the client has, from the SOA in the authority section (RFC 1995 section 3)."""
    if query.envelope is None:
        return None
    try:
        authority = scan(query.envelope.packet).sections().authority
    except WireError:
        return None
    soa = next((record for record in authority if record.type == SOA and record.owner.lower() == query.name), None)
    return None if soa is None or len(soa.rdata) < 22 else serial_of(soa)
