"""Denying that names have IPv6 addresses, without denying the names."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import replace
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, Site
from resolver.chain.reply import Replay, Reply, from_records
from resolver.chain.setup import Host
from resolver.errors import WireError
from resolver.plugins.filter_aaaa.hints import without_hints
from resolver.plugins.filter_aaaa.settings import Settings
from resolver.telemetry.metrics import Cell
from resolver.wire.constants import AAAA, AD, CNAME, DNAME, HTTPS, IN, NOERROR, NS, RRSIG, SOA, SVCB, A
from resolver.wire.names import from_text, suffixes
from resolver.wire.records import Record, record

_FIRST_NAME: Final = from_text("filter-aaaa.invalid")
_CONTACT: Final = from_text("nobody.invalid")
_TIMES: Final = b"".join(number.to_bytes(4, "big") for number in (1, 7200, 1800, 86400))  # serial and three times


class FilterAaaa(Plugin):
    """Asks for A in place of AAAA and keeps of the answer whether the name exists.

    A stub resolver that tries a search list must go on at a name that does not exist and stop at one that does, so
    what is no name stays NXDOMAIN, and what is one never becomes it.
    """

    name = "filter_aaaa"
    transparent = True

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self._zones = frozenset(settings.zones) | settings.excepted
        self._filtered = host.registry.counter(
            "coredns_filter_aaaa_filtered_total",
            "Questions for IPv6 addresses that were answered without any, and hints taken out.",
            ("server", "zone", "view", "kind"),
        )
        self._cells: dict[tuple[Site, str], Cell] = {}

    async def resolve(self, query: Query, next: Handler) -> Reply:
        qtype = query.qtype
        if qtype != AAAA and not (self.settings.hints and qtype in (HTTPS, SVCB)):
            return await next(query)
        zone = self._zone(query)
        if zone is None:
            return await next(query)
        networks = self.settings.networks
        if networks is not None and not networks.holds(query.client[0]):
            return await next(query)
        return await self._filter(query, next, zone)

    @property
    def sorts(self) -> bool:
        """Whether only some clients are concerned."""
        return self.settings.networks is not None

    def group(self, client: str) -> Hashable:
        """Those who are concerned, and all others."""
        return self.settings.networks is not None and self.settings.networks.holds(client)

    async def _filter(self, query: Query, next: Handler, zone: bytes) -> Reply:
        if query.qtype != AAAA:
            return self._without_hints(query, await next(query))
        cell = self._cell(query.site, "aaaa")
        cell.value += 1
        if self.settings.always:
            reply = from_records(query, self.name, authority=[self._soa(zone)], authoritative=False)
            reply.replay = Replay(math.inf)
            return reply.counted(cell.add)
        found = await next(query.derive(qtype=A))
        if found.silent or found.stream is not None:
            return found
        return self._nodata(query, found, zone).counted(cell.add)

    def _nodata(self, query: Query, found: Reply, zone: bytes) -> Reply:
        """The answer for A without its addresses; a denial or a failure stays as it is."""
        reply = replace(found, question=query.question, decoded=None, octets=found.body)
        if found.rcode != NOERROR:
            return reply
        answer, authority, _ = found.sections
        if not any(one.type == A for one in answer) and any(one.type in (SOA, NS) for one in authority):
            return reply  # a denial already, or a referral
        aliases = [one for one in answer if one.type in (CNAME, DNAME)]
        starts = [one for one in authority if one.type == SOA] or [self._soa(zone)]
        reply.flags &= ~AD
        leave = reply.replay
        if leave is not None and leave.variants:  # orders of addresses, of which there are none left
            reply.replay = replace(leave, variants=())
        return reply.with_sections(aliases, starts, [])

    def _without_hints(self, query: Query, reply: Reply) -> Reply:
        if reply.rcode != NOERROR or reply.silent or reply.stream is not None:
            return reply
        answer, authority, additional = reply.sections
        try:
            bare = [_bare(one) for one in answer]
        except WireError:
            return reply
        kept = [one for one in additional if one.type != AAAA]
        if bare == answer and len(kept) == len(additional):
            return reply
        signed = {HTTPS, SVCB}
        bare = [one for one in bare if not (one.type == RRSIG and int.from_bytes(one.rdata[:2], "big") in signed)]
        cell = self._cell(query.site, "hint")
        cell.value += 1
        changed = reply.with_sections(bare, authority, kept)
        changed.flags &= ~AD
        if changed.replay is not None and changed.replay.variants:
            changed.replay = replace(changed.replay, variants=())
        return changed.counted(cell.add)

    def _zone(self, query: Query) -> bytes | None:
        """The zone for which the query is to be filtered, None where it is not."""
        if query.qclass != IN:
            return None
        for suffix in suffixes(query.name):
            if suffix in self._zones:
                return None if suffix in self.settings.excepted else suffix
        return None

    def _soa(self, zone: bytes) -> Record:
        ttl = self.settings.ttl
        return record(zone, SOA, ttl, _FIRST_NAME + _CONTACT + _TIMES + ttl.to_bytes(4, "big"))

    def _cell(self, site: Site, kind: str) -> Cell:
        cell = self._cells.get((site, kind))
        if cell is None:
            cell = self._cells[site, kind] = self._filtered.cell(*site, kind)
        return cell


def _bare(one: Record) -> Record:
    """The record without hints, if it is one that may have some. Raises WireError."""
    return one._replace(rdata=without_hints(one.rdata)) if one.type in (HTTPS, SVCB) else one
