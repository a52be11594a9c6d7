"""Answering, or denying, what a client would get at the end of its search path."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from resolver.chain.joined import because_of
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.chain.setup import Block, Host
from resolver.errors import UpstreamError, WireError
from resolver.plugins.searchpath.metrics import Counts, Metrics
from resolver.plugins.searchpath.names import Found, Reader
from resolver.plugins.searchpath.places import Places
from resolver.plugins.searchpath.settings import DENY, MAX_SUFFIXES, Settings
from resolver.plugins.searchpath.walk import Walk
from resolver.upstream.system import read_resolv_conf
from resolver.wire.constants import CNAME, IN, NXDOMAIN, SOA, A
from resolver.wire.names import ROOT, from_text, is_below, to_text
from resolver.wire.records import Record, record

RESOLV_CONF: Final = Path("/etc/resolv.conf")
DENIED_FOR: Final = 30  # seconds, as the SOA of a denial in a domain of the nodes says

_META_TYPES: Final = range(128, 256)  # RFC 6895 section 3.1
_SOA_RNAME: Final = from_text("nobody.invalid")
_SOA_NUMBERS: Final = b"".join(number.to_bytes(4, "big") for number in (1, 1800, 900, 604800, DENIED_FOR))


class Stopper(Plugin):
    """Sees external names behind a search suffix; everything else only passes."""

    name = "searchpath"
    transparent = True

    def __init__(self, settings: Settings, block: Block, host: Host, resolv_conf: Path = RESOLV_CONF) -> None:
        self.settings = settings
        self.host = host
        self.log = host.log.named(self.name)
        self.search = settings.search or ()
        self._resolv_conf = resolv_conf
        self._reader = Reader(settings.zones, settings.external, settings.min_labels)
        self._places = Places(block, host)
        self._metrics = Metrics(host.registry, settings)
        self._denies = settings.mode == DENY

    def resolve(self, query: Query, next: Handler) -> Coroutine[Any, Any, Reply]:
        """Not a coroutine of its own: nearly all questions only pass.

        What the server asks itself is never a step on a search path.
        """
        qtype = query.qtype
        if query.qclass != IN or query.depth or qtype == CNAME or qtype in _META_TYPES:
            return next(query)
        if self._denies:
            found = self._reader.behind_any(query.name, self.search)
            return next(query) if found is None else self._deny(query, found, next)
        found = self._reader.behind_namespace(query.name)
        return next(query) if found is None else self._answer(query, found, next)

    # --- answer

    async def _answer(self, query: Query, found: Found, next: Handler) -> Reply:
        """The cluster has the first word: only what it denies, and could not know, is looked for elsewhere."""
        own = await next(query)
        if own.rcode != NXDOMAIN or own.body.answers:
            return own
        walk = Walk(query, next, self.host, self._places)
        if not await self._is_outside(found, walk):
            return self._counted(because_of(own, walk.consulted), self._metrics.passed(query.site, "cluster"))
        namespace = self._metrics.namespace(found.namespace)
        front = query.qname[: len(found.front)]
        outcome = await walk.along(tuple(self._reader.candidates(found, front, self.search)), own)
        if outcome.candidate is None:
            counts = self._metrics.passed(query.site, outcome.reason)
        else:
            counts = self._metrics.stopped(query.site, outcome.candidate.place.value, outcome.candidate.turn)
        return self._counted(outcome.reply, (*counts, *namespace))

    async def _is_outside(self, found: Found, walk: Walk) -> bool:
        """Whether no name of the cluster can look like this: the namespace is there, and no service before it."""
        if found.cut is None or not _denies(await walk.ask(found.cut, A)):
            return False
        return (await walk.ask(found.namespace, A)).rcode == 0

    # --- nxdomain

    async def _deny(self, query: Query, found: Found, next: Handler) -> Reply:
        if found.cut is None:
            reply = from_records(query, self.name, authority=[_soa(found.suffix)])
            return self._denied(query, reply, Replay(math.inf))
        walk = Walk(query, next, self.host, self._places)
        cut = await walk.ask(found.cut, A)
        if not _denies(cut):
            passed = self._metrics.passed(query.site, "cluster")
            return self._counted(because_of(await next(query), [cut]), passed)
        namespace = self._metrics.namespace(found.namespace) if found.namespace != ROOT else ()
        authority = [one for one in cut.sections.authority if one.type == SOA]
        return self._denied(query, from_records(query, self.name, authority=authority), cut.replay, namespace)

    def _denied(self, query: Query, reply: Reply, leave: Replay | None, namespace: Counts = ()) -> Reply:
        """NXDOMAIN (RFC 8020): below a name that is not there nothing is."""
        reply.rcode = NXDOMAIN
        reply.replay = leave
        return self._counted(reply, (*self._metrics.stopped(query.site, "nxdomain", 1), *namespace))

    def _counted(self, reply: Reply, counts: Counts) -> Reply:
        for count in counts:
            count(1)
        leave = reply.replay
        if leave is None:
            return reply
        return replace(reply, replay=replace(leave, counts=(*leave.counts, *counts)))

    # --- life

    async def start(self) -> None:
        """Take over the system's search path, where the directive names none."""
        if self.settings.search is None and not (self._denies and not self.settings.external):
            self.search = await asyncio.to_thread(self._domains_of_the_node)
        if self.search:
            self.log.info("Pods are taken to search " + ", ".join(map(to_text, self.search)))

    def _domains_of_the_node(self) -> tuple[bytes, ...]:
        try:
            domains = [from_text(domain).lower() for domain in read_resolv_conf(self._resolv_conf).search]
        except (UpstreamError, WireError) as error:
            self.log.warning(f"no search path of the system: {error}")
            return ()
        zones = self.settings.zones
        outside = [name for name in domains if name != ROOT and not any(is_below(name, zone) for zone in zones)]
        return tuple(dict.fromkeys(outside))[:MAX_SUFFIXES]


def _denies(reply: Reply) -> bool:
    return reply.rcode == NXDOMAIN and not reply.body.answers


def _soa(zone: bytes) -> Record:
    return record(zone, SOA, DENIED_FOR, zone + _SOA_RNAME + _SOA_NUMBERS)
