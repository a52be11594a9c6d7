"""Letting queries pass while their client keeps to its limit."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import cached_property
from typing import Final

from resolver.chain.buckets import Buckets, FirstOfSecond
from resolver.chain.capabilities import Identifying, Vouching, offering
from resolver.chain.networks import prefixes
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, Site
from resolver.chain.recording import Recording
from resolver.chain.reply import Reply, failure, silence
from resolver.chain.setup import Block, Host
from resolver.errors import WireError
from resolver.plugins.ratelimit.metrics import DROPPED, REFUSED, REPORTED, TRUNCATED, Metrics
from resolver.plugins.ratelimit.settings import ADDRESS, NAMESPACE, Settings
from resolver.wire import constants
from resolver.wire.edns import extended_error
from resolver.wire.message import empty_answer
from resolver.wire.records import EMPTY_BODY

_TOO_MANY: Final = "too many queries"
_WHY: Final = extended_error(constants.EDE_PROHIBITED, _TOO_MANY)
_SHOWN_PER_SECOND: Final = 100  # refusals of replays that go down the chain, to be seen by logs


class RateLimit(Plugin):
    """A bucket for each client and each of two kinds of transports.

    A datagram can bear anybody's address. What comes over a connection, or with a valid DNS Cookie, does not: it is
    counted in a table of its own, so that who floods in the name of another cannot use up what that one has there.
    """

    name = "ratelimit"
    transparent = True

    def __init__(self, settings: Settings, block: Block, host: Host) -> None:
        self.settings = settings
        self._block = block
        self._host = host
        self.datagrams = Buckets(settings.table)
        self.connections = Buckets(settings.table)
        self.interval = 1.0 / settings.rate
        self.depth = settings.burst * self.interval
        self.metrics = Metrics(host.registry)
        self.key: Callable[[str], Hashable] = prefixes(settings.ipv4, settings.ipv6)
        if settings.per != ADDRESS:
            self.key = self._by_identity
        self._gates: dict[tuple[Site, bool], Gate] = {}
        self._slips = 0
        self.is_news = FirstOfSecond(_SHOWN_PER_SECOND)
        self._end_figures: Callable[[], None] | None = None

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.depth or query.transport == "internal":
            return await next(query)
        client, settings = query.client[0], self.settings
        if settings.excepted is not None and settings.excepted.holds(client):
            return _guarded(await next(query), self._gate(query.site, proven=query.transport != "udp"))
        proven = query.transport != "udp"
        if not proven and self._vouchers and any(one.vouches(query) for one in self._vouchers):
            if settings.exempt_cookies:
                return await next(query)
            proven = True
        gate = self._gate(query.site, proven)
        if not gate.take(client, self._host.clock()):
            if not settings.report_only:
                return self._refused(query, gate)
            gate.count(REPORTED)
            if query.trail is not None:
                query.trail.decide("audit-only", self.name)
        return _guarded(await next(query), gate, behind=proven)

    def slips(self) -> bool:
        """Whether the turn of an empty answer with TC has come."""
        self._slips += 1
        slip = self.settings.slip
        return slip > 0 and self._slips % slip == 0

    async def start(self) -> None:
        """Show figures."""
        self._end_figures = self._host.registry.before_read(self._show)

    async def stop(self) -> None:
        """Show them no more."""
        if self._end_figures is not None:
            self._end_figures()
            self._end_figures = None
            for site in self._block.sites:
                self.metrics.clients.drop(*site)

    def succeed(self, previous: RateLimit) -> None:
        """Go on with the buckets, where they are of the same shape."""
        if previous.settings == replace(self.settings, excepted=previous.settings.excepted):
            self.datagrams, self.connections = previous.datagrams, previous.connections

    def _refused(self, query: Query, gate: Gate) -> Reply:
        if query.trail is not None:
            query.trail.decide("deny", self.name)
        action = gate.sanction()
        gate.count(action)
        if action == DROPPED:
            return silence(query, self.name)
        if action == TRUNCATED:
            return Reply(query.question, flags=constants.TC, source=self.name, octets=EMPTY_BODY)
        return failure(query, self.name, constants.REFUSED, ede=constants.EDE_PROHIBITED, text=_TOO_MANY)

    def _gate(self, site: Site, proven: bool) -> Gate:
        gate = self._gates.get((site, proven))
        if gate is None:
            gate = self._gates[site, proven] = Gate(self, site, proven=proven)
        return gate

    def _by_identity(self, client: str) -> Hashable:
        """The Pod or namespace that has the address, the address itself while nobody has it."""
        for one in self._identifying:
            found = one.identify(client)
            if found is not None:
                return found.namespace if self.settings.per == NAMESPACE else (found.namespace, found.pod)
        return self._address_key(client)

    @cached_property
    def _address_key(self) -> Callable[[str], Hashable]:
        of_address = prefixes(self.settings.ipv4, self.settings.ipv6)
        return lambda client: (0, of_address(client))  # is never equal to a name

    @cached_property
    def _identifying(self) -> tuple[Identifying, ...]:
        return tuple(offering(self._block.parts, Identifying))

    @cached_property
    def _vouchers(self) -> tuple[Vouching, ...]:
        return tuple(offering(self._block.parts, Vouching))

    @cached_property
    def recording(self) -> tuple[Recording, ...]:
        """Who keeps a record of what becomes of replays."""
        return tuple(offering(self._block.parts, Recording))

    def _show(self) -> None:
        for site in self._block.sites[:1]:
            self.metrics.clients.cell(*site).value = len(self.datagrams) + len(self.connections)


class Gate:
    """The limit at one site for one kind of transports; ``guard`` stands in front of every replay there."""

    def __init__(self, limit: RateLimit, site: Site, *, proven: bool) -> None:
        settings = limit.settings
        self._limit = limit
        self._site = site
        self._proven = proven
        self._buckets = limit.connections if proven else limit.datagrams
        self._cells = limit.metrics.cells(site)
        self._holds = None if settings.excepted is None else settings.excepted.holds
        self._report_only = settings.report_only

    def take(self, client: str, now: float) -> bool:
        """Whether the client may send a query now; it is counted."""
        limit = self._limit
        return self._buckets.take(limit.key(client), now, limit.interval, limit.depth)

    def guard(self, client: tuple[str, int], packet: bytes, octets: bytes, now: float) -> bytes | None:
        """The answer, where the client keeps to its limit; otherwise what is sent in its place."""
        limit, host = self._limit, client[0]
        key = limit.key(host)
        if self._holds is not None and self._holds(host):
            return octets
        if self._buckets.take(key, now, limit.interval, limit.depth):
            return octets
        if limit.is_news(key, now):
            return None
        if self._report_only:
            self.count(REPORTED)
            self._record(host, packet, "audit-only")
            return octets
        self._record(host, packet, "deny")
        return self._instead(packet)

    def sanction(self) -> str:
        """What is done with the next query beyond the limit."""
        if self._proven:
            return REFUSED
        if self._limit.slips():
            return TRUNCATED
        return REFUSED if self._limit.settings.refuse else DROPPED

    def count(self, action: str) -> None:
        """Note one query beyond the limit."""
        for cell in self._cells[action]:
            cell.value += 1

    def _record(self, host: str, packet: bytes, decision: str) -> None:
        for one in self._limit.recording:
            one.limited(self._site, host, packet, self._limit.name, decision)

    def _instead(self, packet: bytes) -> bytes:
        action = self.sanction()
        self.count(action)
        try:
            if action == TRUNCATED:
                return empty_answer(packet, constants.TC)
            return b"" if action == DROPPED else empty_answer(packet, constants.REFUSED, _WHY)
        except WireError:
            return b""


def _guarded(reply: Reply, gate: Gate, *, behind: bool = False) -> Reply:
    """The reply whose replays pass the gate; ``behind`` all other guards where those tell whose query it is."""
    leave = reply.replay
    if leave is None:
        return reply
    guards = (*leave.guards, gate.guard) if behind else (gate.guard, *leave.guards)
    return replace(reply, replay=replace(leave, guards=guards))
