"""Answers for names below the zones from what etcd holds."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import ClassVar

from resolver.chain.alias import ask_target, leave_behind
from resolver.chain.contacts import Contact, at_url
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Host
from resolver.errors import ZoneError
from resolver.plugins.etcd.gateway import Gateway
from resolver.plugins.etcd.leases import REMEMBERED, Leases
from resolver.plugins.etcd.lookup import Found, Lookup, Problem, path_of
from resolver.plugins.etcd.metrics import Metrics
from resolver.plugins.etcd.mirror import Mirror
from resolver.plugins.etcd.records import SOA_TTL, soa_record
from resolver.plugins.etcd.service import Path, Service
from resolver.plugins.etcd.settings import Settings
from resolver.plugins.etcd.tree import wildcard_at
from resolver.wire.constants import AA, EDE_NOT_READY, NOERROR, NXDOMAIN
from resolver.wire.names import ROOT, is_below, suffixes
from resolver.wire.records import encode


class Etcd(Plugin):
    """Serves the zones of one directive; what it answers may be replayed until etcd tells of a change."""

    name: ClassVar[str] = "etcd"
    transparent: ClassVar[bool] = True

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self.mirror: Mirror | None = None
        self._host = host
        self._zones = frozenset(settings.zones)
        self._tag = object()  # withdrawn when anything may have changed
        self._gateway: Gateway | None = None
        self._leases: Leases | None = None
        self._running: asyncio.Task[None] | None = None

    def contacts(self) -> Iterable[Contact]:
        return [at_url(endpoint, "etcd") for endpoint in self.settings.endpoints]

    async def start(self) -> None:
        """Begin to read; nothing waits for it. Raises UpstreamError for certificates that cannot be used."""
        settings, host = self.settings, self._host
        log = host.log.named(self.name)
        for word in settings.obsolete:
            log.warning(f"{word} has no effect, as in CoreDNS")
        self._gateway = gateway = await asyncio.to_thread(Gateway, settings)
        self._leases = Leases(gateway, host.clock)
        metrics = Metrics(host.registry, settings.prefix.decode("utf-8", "replace").rstrip("/"))
        self.mirror = Mirror(settings.prefix, gateway, metrics, log, self._changed, host.chance)
        self._running = asyncio.get_running_loop().create_task(self.mirror.run())

    async def stop(self) -> None:
        """Close the connections."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.wait((self._running,))
        if self._leases is not None:
            await self._leases.stop()
        if self._gateway is not None:
            await self._gateway.close()

    def is_ready(self) -> bool:
        """Whether everything was read once."""
        return self.mirror is not None and self.mirror.synced

    async def resolve(self, query: Query, next: Handler) -> Reply:
        """The answer to a name below one of the zones; others go to the next plugin."""
        zone = next_zone(query.name, self._zones)
        if zone is None:
            return await next(query)
        if not self.is_ready():
            return failure(query, self.name, ede=EDE_NOT_READY, text="what is in etcd is not known yet")
        lookup = Lookup(self, zone, query.qname, query.qtype, lambda name, qtype: self._ask(query, name, qtype))
        try:
            found = await lookup.find()
        except Problem as error:
            return failure(query, self.name, error=str(error))
        if not found.exists and self._falls_through(query.name):
            return (await next(query)).tagged((self._tag, *lookup.tags))
        return self._answer(query, zone, found, lookup)

    # --- what parts in front that keep answers must know (capabilities.Overlay)

    def claims(self, name: bytes) -> bool:
        """Whether the name is known now, of those that are passed on where they are not."""
        if next_zone(name, self._zones) is None or not self._falls_through(name) or not self.is_ready():
            return False
        try:
            return self._found(path_of(name)) is not None
        except ZoneError:
            return True

    def overlay_tags(self, name: bytes) -> tuple[Hashable, ...]:
        """What is withdrawn when a name comes to be known that is passed on until then."""
        if next_zone(name, self._zones) is None or not self._falls_through(name):
            return ()
        return (self._tag, self.tag(path_of(name)))

    # --- what a look-up needs (lookup.Data)

    @property
    def revision(self) -> int:
        """Grows with every change in etcd."""
        return self.mirror.revision if self.mirror else 0

    def tag(self, path: Path) -> Hashable:
        """What is withdrawn when something changes at the path or below."""
        return self._tag, path[: wildcard_at(path)]

    async def services(self, path: Path, *, exact: bool) -> Sequence[Service] | None:
        """The services of a path, and how long their leases last."""
        found = self._found(path, exact=exact)
        if found and self._leases is not None:
            stale = self._leases.stale({one.lease for one in found if one.lease})
            if stale:
                await self._leases.refresh(stale)
        return found

    def lease_ttl(self, service: Service) -> int | None:
        """Seconds that a service's lease lasts, within what the operator wants to see."""
        left = self._leases.left(service.lease) if service.lease and self._leases else None
        return None if left is None else min(max(left, self.settings.min_lease_ttl), self.settings.max_lease_ttl)

    def _found(self, path: Path, *, exact: bool = False) -> list[Service] | None:
        if self.mirror is None:
            return None
        tree = self.mirror.tree
        return tree.exact(path) if exact else tree.find(path)

    # --- replies

    async def _ask(self, query: Query, name: bytes, qtype: int) -> Reply:
        return await ask_target(self._host, query, name, qtype)

    def _answer(self, query: Query, zone: bytes, found: Found, lookup: Lookup) -> Reply:
        exists = found.exists or query.name == zone
        authority = [] if found.answer else [soa_record(zone, self.revision)]
        body = encode(query.qname, found.answer, authority, found.extra)
        rcode = NOERROR if exists else NXDOMAIN
        return Reply(query.question, rcode, AA, b"", self.name, self._leave(found, lookup), "", "", body)

    def _leave(self, found: Found, lookup: Lookup) -> Replay:
        """Until a change; a serial number is right until any change, and what is left of a lease for a moment."""
        tags = (self._tag, *lookup.tags) if found.answer else (self._tag, *lookup.tags, self.tag(()))
        now = self._host.clock()
        if lookup.replies:
            ttl = min([one.ttl for one in (*found.answer, *found.extra)], default=SOA_TTL)
            leave = leave_behind(lookup.replies, tags, ttl, now)
        else:
            leave = Replay(math.inf, tags=tags, live=True)
        return replace(leave, until=min(leave.until, now + REMEMBERED)) if lookup.leased else leave

    def _falls_through(self, name: bytes) -> bool:
        return any(zone == ROOT or is_below(name, zone) for zone in self.settings.fallthrough)

    def _changed(self, paths: set[Path] | None) -> None:
        """End the replay of what was answered from these paths, or from all."""
        if paths is None:
            self._host.withdraw(self._tag)
            return
        for above in {path[:length] for path in paths for length in range(len(path) + 1)}:
            self._host.withdraw((self._tag, above))


def next_zone(name: bytes, zones: frozenset[bytes]) -> bytes | None:
    """The longest of the zones that the name is in."""
    return next((suffix for suffix in suffixes(name) if suffix in zones), None)
