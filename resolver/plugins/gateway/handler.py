"""Answers for the host names of the cluster's objects."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Iterable
from typing import Final

from resolver.chain.alias import answer_records, ask_target, failed, follow, leave_behind
from resolver.chain.capabilities import offering
from resolver.chain.contacts import Contact
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Block, Host
from resolver.kube.names_own import own_addresses
from resolver.kube.view import ClusterView
from resolver.kube.zones import Zones
from resolver.plugins.gateway.claims import Origin
from resolver.plugins.gateway.cluster import Cluster
from resolver.plugins.gateway.hosts import Refused
from resolver.plugins.gateway.metrics import Metrics
from resolver.plugins.gateway.names import Names, Rules, is_within, reserved_names
from resolver.plugins.gateway.notices import Notices
from resolver.plugins.gateway.settings import Settings
from resolver.plugins.gateway.table import Entry, Item
from resolver.plugins.gateway.zones import Zone
from resolver.wire.constants import (
    AA,
    AAAA,
    ANY,
    AXFR,
    CNAME,
    EDE_NOT_READY,
    IN,
    IXFR,
    MX,
    NOERROR,
    NS,
    NXDOMAIN,
    RD,
    REFUSED,
    SOA,
    A,
)
from resolver.wire.names import is_below
from resolver.wire.records import Body, Record, encode

Tags = tuple[Hashable, ...]

# Answers with these have names in their rdata that are compressed, which fits questions of one length only.
_COMPRESSED: Final = frozenset({CNAME, MX, ANY})


class Gateway(Plugin):
    """Serves what Ingresses, routes, Services and DNSEndpoints name; answers may be replayed until that changes."""

    name = "gateway"
    transparent = True  # what it passes on is none of its business

    def __init__(self, settings: Settings, host: Host, block: Block) -> None:
        self.settings = settings
        self.host = host
        self.log = host.log.named(self.name)
        self._block = block
        self._zones = Zones(Zone(zone, settings.apex, settings.hostmaster, settings.ttl) for zone in settings.zones)
        self._owned = frozenset(settings.owned_zones)
        rules = Rules(
            frozenset(settings.zones),
            reserved_names(self._owned, settings.apex),
            frozenset(settings.cluster_zones),
            dict(settings.delegated),
        )
        self._notices = Notices(self.log)
        self.names = Names(rules, settings.ttl, host.withdraw, self._skipped, self._notices.disputed, time.time)
        self.cluster = Cluster(settings, self.names, host)
        self._metrics: Metrics | None = None
        self._known = False
        self._late = False

    async def resolve(self, query: Query, next: Handler) -> Reply:
        name = query.name
        zone = self._zones.find(name)
        if zone is None:
            return await next(query)
        table = self.names.table
        owned = zone.name in self._owned and not is_within(name, self.settings.fallthrough)
        if query.qtype in (AXFR, IXFR):
            return failure(query, self.name, REFUSED) if owned else await next(query)
        if owned and (name == zone.name or is_below(name, zone.apex)):
            return await self._own(query, zone, table.entries.get(name))
        entry = table.find(name, zone.name)
        if entry is not None:
            return await self._served(query, zone, entry)
        if not (self._known or self._known_now() or zone.is_root):
            text = self.cluster.problems or "the cluster's objects are not listed yet"
            return failure(query, self.name, ede=EDE_NOT_READY, text=text)
        if not owned:
            return (await next(query)).tagged(self.overlay_tags(name))
        rcode = NOERROR if table.exists(name) else NXDOMAIN
        return self._reply(query, zone.authority(name, self.names.serial), (self.names.shape,), rcode)

    # --- what parts in front that keep answers must know

    def claims(self, name: bytes) -> bool:
        zone = self._zones.find(name)
        return zone is not None and self.names.table.find(name, zone.name) is not None

    def overlay_tags(self, name: bytes) -> tuple[Hashable, ...]:
        return (self.names.arrivals,) if self._zones.find(name) is not None else ()

    # --- life

    def contacts(self) -> Iterable[Contact]:
        return self.settings.source.contacts(self.name)

    async def start(self) -> None:
        """Watch the cluster, and wait for it for as long as was asked. Raises ConfigError without a way to it."""
        settings = self.settings
        access = settings.source.access_for(settings.directive)
        self._metrics = Metrics(self.host.registry, self.names)
        self.cluster.begin(access)
        await self.cluster.wait(settings.startup_timeout)
        if not self._known_now():
            self._late = True
            self.log.warning(f"serving before the cluster is known: {self.cluster.problems or 'it does not answer'}")

    async def stop(self) -> None:
        await self.cluster.end()
        if self._metrics is not None:
            self._metrics.close()
            self._metrics = None

    def is_ready(self) -> bool:
        """Ready after the first lists, but for those that the API refuses."""
        return self._known or self._known_now()

    def _known_now(self) -> bool:
        self._known = self._known or self.cluster.is_known
        if self._known and self._late:
            self._late = False
            self.log.info("the cluster is known now")
        return self._known

    # --- answers

    async def _own(self, query: Query, zone: Zone, entry: Entry | None) -> Reply:
        """The names that every zone of its own has: the apex and what is below its name server."""
        names, name, qtype = self.names, query.name, query.qtype
        tags = (names.shape,)
        if name == zone.name:
            if qtype == SOA:
                return self._reply(query, zone.soa(names.serial), tags)
            if qtype == NS:
                return self._unrepeated(query, zone.ns(query.qname, self._glue(query, zone.nameserver, zone.ttl)))
            if entry is not None:
                return await self._served(query, zone, entry, apex=True)
        elif name == zone.nameserver:
            records = [one for one in self._glue(query, query.qname, zone.ttl) if one.type == qtype]
            body = encode(query.qname, records) if records else zone.authority(name, names.serial)
            return self._unrepeated(query, body)
        elif name != zone.apex:
            return self._reply(query, zone.authority(name, names.serial), tags, NXDOMAIN)
        return self._reply(query, zone.authority(name, names.serial), tags)

    async def _served(self, query: Query, zone: Zone, entry: Entry, *, apex: bool = False) -> Reply:
        qtype = query.qtype
        tags: Tags = (entry, self.names.shape) if entry.is_wildcard else (entry,)
        if entry.is_wildcard and query.trail is not None and not query.depth:
            query.trail.made_from = entry.name
        body = entry.bodies.get(qtype)
        if body is None:
            alias = entry.alias
            if alias is not None and apex:
                return await self._flattened(query, zone, alias, tags)
            if alias is not None and qtype not in (CNAME, ANY) and query.flags & RD:
                record = Record(query.qname, CNAME, IN, alias.ttl, alias.rdata)
                return await follow(query, record, self.host, self.name, tags)
            body = self._kept(query, entry)
        if body is None:
            return self._reply(query, zone.authority(query.name, self.names.serial), (entry, self.names.shape))
        return self._reply(query, body, tags)

    def _kept(self, query: Query, entry: Entry) -> Body | None:
        """The records of the type that is asked for, put together once for all who ask; None without any."""
        qtype = CNAME if entry.alias is not None else query.qtype
        records = [
            Record(query.qname, item.type, IN, item.ttl, item.rdata)
            for item in entry.items
            if qtype in (item.type, ANY)
        ]
        if not records:
            return None
        body = encode(query.qname, records)
        if entry.alias is None and not (entry.is_wildcard and qtype in _COMPRESSED):
            entry.bodies[qtype] = body
        return body

    async def _flattened(self, query: Query, zone: Zone, alias: Item, tags: Tags) -> Reply:
        """The addresses of the target themselves, as no alias may stand beside the records of the zone."""
        every = (*tags, self.names.shape)
        if query.qtype not in (A, AAAA):
            return self._reply(query, zone.authority(query.name, self.names.serial), every)
        found = await ask_target(self.host, query.with_flags(query.flags | RD), alias.rdata, query.qtype)
        if found.rcode not in (NOERROR, NXDOMAIN):
            reply = failed(query, found, self.name, self.host.clock())
            reply.error = found.error or "the host name at the apex cannot be resolved"
            return reply
        records = [
            Record(query.qname, record.type, IN, min(alias.ttl, record.ttl), record.rdata)
            for record in answer_records(found)
            if record.type == query.qtype
        ]
        body = encode(query.qname, records) if records else zone.authority(query.name, self.names.serial)
        leave = leave_behind([found], every, alias.ttl, self.host.clock())
        return Reply(query.question, NOERROR, AA, b"", self.name, leave, "", "", body)

    def _glue(self, query: Query, owner: bytes, ttl: int) -> list[Record]:
        """The addresses of this server as others reach it."""
        addresses = self.settings.nameservers
        if not addresses:
            view = next(offering(self._block.parts, ClusterView), None)
            addresses = tuple(own_addresses(view, query.local[0]))
        return [Record(owner, A if len(one) == 4 else AAAA, IN, ttl, one) for one in addresses]

    def _reply(self, query: Query, body: Body, tags: Tags, rcode: int = NOERROR) -> Reply:
        return Reply(query.question, rcode, AA, b"", self.name, Replay(math.inf, tags=tags, live=True), "", "", body)

    def _unrepeated(self, query: Query, body: Body) -> Reply:
        """An answer that depends on where the question came in."""
        leave = Replay(self.host.clock(), live=True)
        return Reply(query.question, NOERROR, AA, b"", self.name, leave, "", "", body)

    def _skipped(self, origin: Origin, refused: Refused) -> None:
        if self._metrics is not None:
            self._metrics.skipped(origin.kind, refused.reason)
        self._notices.skipped(origin, refused)
