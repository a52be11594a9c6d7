"""Answers from the index, and keeping the index like the cluster."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path
from typing import Final

from resolver.chain.capabilities import Transferable
from resolver.chain.contacts import Contact
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Host
from resolver.errors import UpstreamError, WireError
from resolver.kube.index import ClusterIndex
from resolver.kube.names_reverse import REVERSE_ZONES
from resolver.kube.objects import Endpoint
from resolver.kube.reading import read_address
from resolver.plugins.kubernetes.alias import Aliases
from resolver.plugins.kubernetes.describe import describe_name, describe_pod
from resolver.plugins.kubernetes.known import KEPT_TYPES, UNKNOWN, Known
from resolver.plugins.kubernetes.lookup import Lookup
from resolver.plugins.kubernetes.nameservers import NameServers
from resolver.plugins.kubernetes.outcome import EMPTY, Outcome
from resolver.plugins.kubernetes.reverse import Reverse
from resolver.plugins.kubernetes.settings import VERIFIED, Settings, is_within
from resolver.plugins.kubernetes.sources import Sources
from resolver.plugins.kubernetes.transfer import Contents
from resolver.plugins.kubernetes.zones import ServedZones, Zone
from resolver.upstream.system import read_resolv_conf
from resolver.wire.constants import (
    AA,
    AXFR,
    EDE_NOT_READY,
    IXFR,
    NS,
    NXDOMAIN,
    REFUSED,
    SERVFAIL,
    SOA,
    A,
)
from resolver.wire.edns import extended_error
from resolver.wire.names import from_text
from resolver.wire.records import Body

_RESOLV_CONF: Final = Path("/etc/resolv.conf")
_PATIENCE: Final = 0.5  # seconds without a word


class Kubernetes(Plugin):
    """Serves the zones of a cluster. Its answers may be replayed until what they are made of changes."""

    name = "kubernetes"
    transparent = True  # answers that depend on more than the question get no leave

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self.host = host
        self.log = host.log.named(self.name)
        self.index = ClusterIndex(host.withdraw, settings.namespaces)
        self._lookup = Lookup(settings, self.index)
        self._reverse = Reverse(settings, self.index, self.endpoint_label)
        self._nameservers = NameServers(self.index, self.endpoint_label)
        self._zones = ServedZones(
            Zone(zone, settings.ttl, multicluster=is_within(zone, settings.multicluster)) for zone in settings.zones
        )
        self._plain = self._zones.plain
        self._aliases = Aliases(self._own, host, settings.ttl, self.name)
        self._sources = Sources(settings, self.index, host, self._synced)
        self._known: dict[bytes, Known] = {}
        self._local_search: tuple[bytes, ...] = ()
        self._is_late = False
        self.index.follow(self._changed)

    async def resolve(self, query: Query, next: Handler) -> Reply:
        name = query.name
        for zone in self._plain:
            if name.endswith(zone.services):
                reply = self._at_once(query, zone, name[: zone.before_services])
                if reply is not None:
                    return reply
                break
        found = self._zones.find(name)
        if found is None:
            return await next(query)
        if query.qtype in (AXFR, IXFR):
            return failure(query, self.name, REFUSED)
        if name == found.name and query.qtype in (SOA, NS):
            return self._apex(found, query)
        return await self._answer(self._find(found, name, query.qtype), found, query, next)

    def _at_once(self, query: Query, zone: Zone, labels: bytes) -> Reply | None:
        """The answer about a service, or about one of its endpoints, that was worked out before."""
        known = self._known.get(labels)
        if known is not None:
            body = known.bodies.get(query.qtype, UNKNOWN)
            if body is None:
                body = zone.authority(query.name, self.index.serial)
            elif body is UNKNOWN:
                return None
        else:
            end = 1 + labels[0] if labels else 0
            known = self._known.get(labels[end:])
            host = None if known is None else known.host(labels[1:end], query.qtype, self.settings.ttl)
            if known is None or host is None:
                return None
            body = host
        return Reply(query.question, 0, AA, b"", self.name, known.leave, "", "", body)

    # --- what others see

    @property
    def zones(self) -> Sequence[bytes]:
        return self.settings.zones

    @property
    def ttl(self) -> int:
        return self.settings.ttl

    @property
    def synced(self) -> bool:
        return not self._sources.missing

    def is_ready(self) -> bool:
        """Ready after the first lists."""
        return self.synced

    def endpoint_label(self, endpoint: Endpoint) -> bytes:
        return self._lookup.endpoint_label(endpoint)

    def search_path(self, query: Query) -> Sequence[bytes] | None:
        if self.settings.pods != VERIFIED:
            return None
        zone = self._zones.find(query.name)
        address = read_address(query.client[0].partition("%")[0])
        if zone is None or address is None or query.name.endswith(REVERSE_ZONES):
            return None
        namespaces = {pod.namespace for pod in self.index.pods(address)}
        if len(namespaces) != 1:
            return None  # nobody knows which of them asks
        label = namespaces.pop().lower().encode()
        return (bytes((len(label),)) + label + zone.services, zone.services, zone.name, *self._local_search)

    def claims(self, name: bytes) -> bool:
        """Whether there is such a name now, of those that are passed on where there is not (see Overlay)."""
        found = self._laid_over(name)
        return found is not None and found.exists

    def overlay_tags(self, name: bytes) -> tuple[Hashable, ...]:
        """What is withdrawn when a name comes to exist that is passed on until then."""
        found = self._laid_over(name)
        return found.tags if found is not None else ()

    def transferable(self, query: Query) -> Transferable | None:
        """The zone of that name, once the cluster is known; reverse zones have no end."""
        zone = self._zones.find(query.name)
        if zone is None or zone.name != query.name or query.name.endswith(REVERSE_ZONES) or self._sources.missing:
            return None
        contents = Contents(self.index, self._lookup, self._nameservers, self.settings.ttl, self.endpoint_label)
        return contents.of(zone, query, self._serial(zone))

    def _laid_over(self, name: bytes) -> Outcome | None:
        zone = self._zones.find(name) if is_within(name, self.settings.fallthrough) else None
        return None if zone is None else self._find(zone, name, A)

    def describe(self, query: Query, labels: dict[str, str]) -> None:
        """Put the parts of the name, and the Pod that asks where Pods are verified, into ``labels``."""
        if self.settings.pods == VERIFIED:
            address = read_address(query.client[0].partition("%")[0])
            describe_pod(self.index.pods(address) if address is not None else (), labels)
        zone = self._zones.find(query.name)
        if zone is not None:
            describe_name(query.name, zone, labels, zonal=self.settings.zonal)

    # --- life

    def contacts(self) -> Iterable[Contact]:
        return self.settings.source.contacts(self.name)

    async def start(self) -> None:
        """Watch the cluster, and wait for it for as long as was asked. Raises ConfigError without a way to it."""
        settings = self.settings
        access = settings.source.access_for(settings.directive)
        for remark in settings.unused:
            self.log.warning(remark)
        if settings.pods == VERIFIED:
            self._local_search = _search_of_system()
        self._sources.begin(access)
        patience = asyncio.get_running_loop().call_later(_PATIENCE, self.log.info, "waiting for the API of the cluster")
        is_known = await self._sources.wait(settings.startup_timeout)
        patience.cancel()
        if not is_known:
            self._is_late = True
            reasons = self._sources.problems
            missing = self._sources.missing_names + (f" ({reasons})" if reasons else "")
            self.log.warning(f"serving before the cluster is known; still missing: {missing}")

    async def stop(self) -> None:
        await self._sources.end()

    def _synced(self) -> None:
        if self._is_late:
            self._is_late = False
            self.log.info("the cluster is known now")

    def _changed(self, key: bytes) -> None:
        if key:
            self._known.pop(key, None)
        else:
            self._known.clear()

    # --- answers

    async def _answer(self, found: Outcome, zone: Zone, query: Query, next: Handler) -> Reply:
        settings = self.settings
        missing = found.needs & self._sources.missing
        if not found.exists and is_within(query.name, settings.fallthrough):
            return (await next(query)).tagged(found.tags)
        if missing:
            return self._unknown(query)
        if not found.exists:
            return self._reply(query, zone.authority(query.name, self._serial(zone)), found.tags, NXDOMAIN)
        if found.nameservers:
            body = self._nameservers.addresses(query, zone)
            return self._unrepeated(query, body or zone.authority(query.name, self._serial(zone)))
        if found.alias is not None:
            return await self._aliases.follow(query, found.alias, found.tags)
        if query.qtype in KEPT_TYPES:
            if found.key:
                self._keep(found.key, found.tags).bodies[query.qtype] = found.body
            elif found.body is not None:
                self._searched(zone, query.name, found.tags)
        return self._reply(query, found.body or zone.authority(query.name, self._serial(zone)), found.tags)

    def _own(self, name: bytes, qtype: int) -> tuple[Outcome, Body] | None:
        """What is known of an alias's target; None where that is not for this plugin to say."""
        zone = self._zones.find(name)
        if zone is None or (name == zone.name and qtype in (SOA, NS)):
            return None
        found = self._find(zone, name, qtype)
        passed_on = not found.exists and is_within(name, self.settings.fallthrough)
        if found.nameservers or passed_on or found.needs & self._sources.missing:
            return None  # the whole server is asked, and this plugin says the same as to anybody
        return found, zone.authority(name, self._serial(zone))

    def _apex(self, zone: Zone, query: Query) -> Reply:
        if query.qtype == SOA:
            return self._reply(query, zone.soa(self._serial(zone)), (self.index.serial_tag,))
        return self._unrepeated(query, self._nameservers.records(query, zone))

    def _find(self, zone: Zone, name: bytes, qtype: int) -> Outcome:
        if name.endswith(REVERSE_ZONES) and name not in zone.own_names:
            found = self._reverse.find(name, qtype)
            passed_on = is_within(name, self.settings.fallthrough)
            return found._replace(exists=True) if name == zone.name and not passed_on else found
        return EMPTY if name == zone.name else self._lookup.find(zone, name, qtype)

    def _keep(self, key: bytes, tags: tuple[Hashable, ...]) -> Known:
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = Known(tags)
        return known

    def _searched(self, zone: Zone, name: bytes, tags: tuple[Hashable, ...]) -> None:
        """Addresses were found below a service: those of one of its endpoints, where it is one label below."""
        key = name[1 + name[0] : zone.before_services]
        if zone in self._plain and name.endswith(zone.services) and key in self.index.services:
            slices = self.index.slices(key).values()
            count = sum([len(one.endpoints) for one in slices])
            endpoints = (endpoint for one in slices for endpoint in one.endpoints)
            self._keep(key, tags).searched(endpoints, count, self.endpoint_label)

    def _reply(self, query: Query, body: Body, tags: tuple[Hashable, ...], rcode: int = 0) -> Reply:
        return Reply(query.question, rcode, AA, b"", self.name, Replay(math.inf, tags=tags, live=True), "", "", body)

    def _unknown(self, query: Query) -> Reply:
        """What cannot be told yet. The log has one line at the start and not one for each question."""
        options = extended_error(EDE_NOT_READY, f"not listed yet: {self._sources.missing_names}")
        return Reply(query.question, SERVFAIL, options=options, source=self.name)

    def _unrepeated(self, query: Query, body: Body) -> Reply:
        """An answer that depends on where the question came in."""
        return Reply(query.question, 0, AA, b"", self.name, None, "", "", body)

    def _serial(self, zone: Zone) -> int:
        return self.index.import_serial if zone.multicluster else self.index.serial


def _search_of_system() -> tuple[bytes, ...]:
    """The search domains of the node, which Pods have behind those of the cluster."""
    try:
        return tuple([from_text(domain).lower() for domain in read_resolv_conf(_RESOLV_CONF).search])
    except (UpstreamError, WireError):
        return ()
