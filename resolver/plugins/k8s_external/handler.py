"""Answers for zones outside of the cluster from what the kubernetes directive knows."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence

from resolver.chain.alias import answer_records, ask_target, leave_behind
from resolver.chain.capabilities import Transferable, offering
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Block, Host
from resolver.kube.names_own import own_addresses
from resolver.kube.names_reverse import REVERSE_ZONES, read_reverse
from resolver.kube.view import ClusterView
from resolver.plugins.k8s_external import answers
from resolver.plugins.k8s_external.lookup import Found, find
from resolver.plugins.k8s_external.settings import Settings
from resolver.plugins.k8s_external.transfer import services
from resolver.wire.constants import (
    AA,
    AAAA,
    AXFR,
    EDE_NOT_READY,
    IXFR,
    NOERROR,
    NS,
    NXDOMAIN,
    PTR,
    REFUSED,
    SOA,
    SRV,
    TC,
    A,
)
from resolver.wire.names import ROOT, is_below, suffixes
from resolver.wire.records import Record, encode

Tags = tuple[Hashable, ...]


class External(Plugin):
    """Serves A, AAAA, SRV and PTR, and the SOA and NS records of its zones; what it answers may be replayed.

    The view of the cluster is that of the kubernetes directive of the same block, which is set up later.
    """

    name = "k8s_external"
    transparent = True  # what it passes on is none of its business

    def __init__(self, settings: Settings, host: Host, block: Block) -> None:
        self.settings = settings
        self.host = host
        self._block = block
        self._zones = frozenset(settings.zones)
        self._found_view: ClusterView | None = None

    async def resolve(self, query: Query, next: Handler) -> Reply:
        name = query.name
        zone = nearest_zone(name, self._zones)
        if zone is None:
            return await next(query)
        if query.qtype in (AXFR, IXFR):
            return failure(query, self.name, REFUSED)
        if name == zone:
            return self._at_apex(query, zone)
        apex = self.settings.apex + zone
        if is_below(name, apex):
            return self._below_apex(query, zone, apex)
        if query.qtype == PTR:
            address = read_reverse(name)
            if address is not None:
                return await self._pointers(query, zone, address, next)
        found = find(self._view, name[: len(name) - len(zone)], headless=self.settings.headless)
        if found.rcode == NXDOMAIN:
            return await self._unknown(query, zone, found.tags, next)
        return await self._known(query, zone, found)

    # --- what parts in front that keep answers must know

    def claims(self, name: bytes) -> bool:
        """Whether there is such a name now, of those that are passed on where there is not (see Overlay)."""
        found = self._laid_over(name)
        return found is not None and found[0]

    def overlay_tags(self, name: bytes) -> Tags:
        """What is withdrawn when a name comes to exist that is passed on until then."""
        found = self._laid_over(name)
        return found[1] if found is not None else ()

    def _laid_over(self, name: bytes) -> tuple[bool, Tags] | None:
        """Whether a name exists and the tags of that; None where it is never passed on."""
        zone = nearest_zone(name, self._zones) if self._falls_through(name) else None
        if zone is None or name == zone or is_below(name, self.settings.apex + zone):
            return None
        address = read_reverse(name)
        if address is not None:
            index = self._view.index
            return bool(index.external_owners(address)), (index.address_tag(address),)
        found = find(self._view, name[: len(name) - len(zone)], headless=self.settings.headless)
        return found.rcode != NXDOMAIN, found.tags

    def _falls_through(self, name: bytes) -> bool:
        return any(zone == ROOT or is_below(name, zone) for zone in self.settings.fallthrough)

    @property
    def _view(self) -> ClusterView:
        view = self._found_view
        if view is None:
            view = self._found_view = next(offering(self._block.parts, ClusterView))
        return view

    def transferable(self, query: Query) -> Transferable | None:
        """The zone of that name, once the cluster is known; reverse zones are not transferred."""
        zone = query.name
        if zone not in self._zones or zone.endswith(REVERSE_ZONES) or not self._view.synced:
            return None
        return Transferable(self._soa(zone), lambda: self._others(query, zone))

    def _others(self, query: Query, zone: bytes) -> Iterator[Record]:
        settings = self.settings
        apex = settings.apex + zone
        yield answers.ns_record(zone, apex, settings.ttl)
        yield from answers.address_records(b"\3ns1" + apex, self._addresses(query), settings.ttl)
        yield from services(self._view, zone, settings.ttl, headless=settings.headless)

    # --- services

    async def _known(self, query: Query, zone: bytes, found: Found) -> Reply:
        qname, qtype, matches, ttl = query.qname, query.qtype, found.matches, self.settings.ttl
        if not matches or qtype not in (A, AAAA, SRV):
            return self._nodata(query, zone, found.tags)
        aliases = answers.alias_records(qname, matches, self._view.ttl)
        if qtype == SRV:
            records = answers.srv_records(qname, zone, matches, self._view.ttl)
            extra = answers.target_addresses(zone, matches, ttl)
            replies = await self._ask(query, aliases, (A, AAAA)) if records else []
            extra += [record for reply in replies for record in answer_records(reply)]
        else:
            addresses = [match.address for match in matches if match.address]
            replies = await self._ask(query, aliases, (qtype,))
            records = [*aliases, *(record for reply in replies for record in answer_records(reply))]
            records += answers.address_records(qname, addresses, ttl, qtype)
            extra = []
        if not records:
            return self._nodata(query, zone, found.tags)
        return self._answer(query, records, found.tags, extra=extra, replies=replies)

    async def _ask(self, query: Query, aliases: Sequence[Record], qtypes: Sequence[int]) -> list[Reply]:
        return [await ask_target(self.host, query, alias.rdata, qtype) for alias in aliases for qtype in qtypes]

    async def _pointers(self, query: Query, zone: bytes, address: bytes, next: Handler) -> Reply:
        index, tags = self._view.index, (self._view.index.address_tag(address),)
        services = index.external_owners(address)
        if not services:
            return await self._unknown(query, zone, tags, next)
        names = [service.key + self.settings.zones[0] for service in services]
        return self._answer(query, answers.pointer_records(query.qname, names, self.settings.ttl), tags)

    async def _unknown(self, query: Query, zone: bytes, tags: Tags, next: Handler) -> Reply:
        if self._falls_through(query.name):
            return (await next(query)).tagged(tags)
        if not self._view.synced:
            return failure(query, self.name, ede=EDE_NOT_READY, text="the cluster's services are not known yet")
        return self._answer(query, (), tags, authority=[self._soa(zone)], rcode=NXDOMAIN)

    # --- the zone itself

    def _at_apex(self, query: Query, zone: bytes) -> Reply:
        settings = self.settings
        apex = settings.apex + zone
        if query.qtype == SOA:
            return self._answer(query, [self._soa(zone)], self._apex_tags())
        if query.qtype == NS:
            glue = answers.address_records(b"\3ns1" + apex, self._addresses(query), settings.ttl)
            return self._answer(query, [answers.ns_record(zone, apex, settings.ttl)], extra=glue)
        return self._nodata(query, zone, self._apex_tags())

    def _below_apex(self, query: Query, zone: bytes, apex: bytes) -> Reply:
        if query.name == b"\3ns1" + apex:
            records: list[Record] = []
            if query.qtype in (A, AAAA):
                records = answers.address_records(query.qname, self._addresses(query), self.settings.ttl, query.qtype)
            if records:
                return self._answer(query, records)
            return self._answer(query, (), authority=[self._soa(zone)])
        if query.name != apex:
            return self._answer(query, (), self._apex_tags(), authority=[self._soa(zone)], rcode=NXDOMAIN)
        return self._nodata(query, zone, self._apex_tags())

    def _addresses(self, query: Query) -> list[bytes]:
        return own_addresses(self._view, query.local[0], headless=self.settings.headless)

    def _apex_tags(self) -> Tags:
        """What says the newest serial number is true until there is another one."""
        return (self._view.index.serial_tag,)

    def _soa(self, zone: bytes) -> Record:
        settings = self.settings
        return answers.soa_record(zone, settings.apex + zone, settings.ttl, self._view.index.external_serial)

    # --- replies

    def _nodata(self, query: Query, zone: bytes, tags: Tags) -> Reply:
        return self._answer(query, (), tags, authority=[self._soa(zone)])

    def _answer(
        self,
        query: Query,
        records: Sequence[Record],
        tags: Tags | None = None,
        *,
        authority: Sequence[Record] = (),
        extra: Sequence[Record] = (),
        replies: Sequence[Reply] = (),
        rcode: int = NOERROR,
    ) -> Reply:
        """A live answer; without ``tags`` it depends on where the question came in, and must not be replayed."""
        now = self.host.clock()
        leave = Replay(math.inf, tags=tags, live=True) if tags is not None else Replay(now, live=True)
        if replies:
            leave = leave_behind(replies, tags or (), self.settings.ttl, now)
        flags = AA | TC & (replies[0].flags if len(replies) == 1 else 0)
        body = encode(query.qname, records, authority, extra)
        return Reply(query.question, rcode, flags, b"", self.name, leave, "", "", body)


def nearest_zone(name: bytes, zones: frozenset[bytes]) -> bytes | None:
    """The longest of the zones that the name is in."""
    return next((suffix for suffix in suffixes(name) if suffix in zones), None)
