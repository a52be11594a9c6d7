"""Dropping answers of which a network gets too many."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import cached_property
from typing import Final

from resolver.chain.buckets import Buckets, FirstOfSecond
from resolver.chain.capabilities import Vouching, offering
from resolver.chain.networks import prefixes
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, Site
from resolver.chain.recording import Recording
from resolver.chain.reply import Reply, failure, silence
from resolver.chain.setup import Block, Host
from resolver.chain.trail import Trail
from resolver.errors import WireError
from resolver.plugins.rrl.account import account_of
from resolver.plugins.rrl.metrics import DROPPED, REFUSED, REPORTED, SLIPPED, Metrics
from resolver.plugins.rrl.settings import REQUEST, Settings
from resolver.wire import constants
from resolver.wire.message import empty_answer
from resolver.wire.names import suffixes
from resolver.wire.records import EMPTY_BODY

_FROM_MEMORY: Final = ("hit", "stale")
_FILLED_IN: Final = 1.0  # seconds: what may come at once is what may come in one
_SHOWN_PER_SECOND: Final = 100  # dropped replays that go down the chain, to be seen by logs


class Rrl(Plugin):
    """Counts answers over UDP by network of the client and account; every replay is counted like an answer.

    Who has shown its address, by a connection or a valid DNS Cookie, cannot be flooded by others in its name.
    """

    name = "rrl"
    transparent = True

    def __init__(self, settings: Settings, block: Block, host: Host) -> None:
        self.settings = settings
        self._block = block
        self._host = host
        self.table = Buckets(settings.table)
        self.prefix = prefixes(settings.ipv4, settings.ipv6)
        self._made: dict[bytes, bytes] = {}  # wildcards of names that may be in a cache now
        self.is_news = FirstOfSecond(_SHOWN_PER_SECOND)
        self.metrics = Metrics(host.registry)
        self._dropped = 0

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.depth or query.transport == "internal" or not self._covers(query.name):
            return await next(query)
        settings, site, client = self.settings, query.site, query.client[0]
        if settings.rates[REQUEST] and not self.take(REQUEST, None, client, self._host.clock()):
            if not settings.report_only:
                return self._refuse(query)
            self._note(query, REQUEST, REPORTED)
        if query.trail is None and query.transport == "udp":
            query.trail = Trail()
        reply = await next(query)
        if reply.silent or reply.stream is not None:
            return reply
        proven = query.transport != "udp" or any(one.vouches(query) for one in self._vouchers)
        kind, about = (REQUEST, None) if proven else account_of(query, reply, self._made_from(query, reply))
        if kind != REQUEST and settings.rates[kind] and not self.take(kind, about, client, self._host.clock()):
            if not settings.report_only:
                return self._drop(query, kind)
            self._note(query, kind, REPORTED)
        leave = reply.replay
        if leave is None or not (settings.rates[kind] or settings.rates[REQUEST]):
            return reply
        gate = Gate(self, site, kind, about)
        return replace(reply, replay=replace(leave, guards=(gate.guard, *leave.guards)))

    def take(self, kind: str, about: Hashable, client: str, now: float) -> bool:
        """Whether one more of this account may go to the client's network; it is counted."""
        interval = 1.0 / self.settings.rates[kind]
        depth = max(_FILLED_IN, interval)
        return self.table.take((self.prefix(client), kind, about), now, interval, depth, self.settings.window)

    def lacks(self, kind: str, about: Hashable, client: str, now: float) -> bool:
        """Whether ``take`` would refuse; nothing is counted."""
        interval = 1.0 / self.settings.rates[kind]
        return self.table.lacks((self.prefix(client), kind, about), now, interval, max(_FILLED_IN, interval))

    def sanction(self) -> str:
        """What is done with the next answer that is too many."""
        self._dropped += 1
        slip = self.settings.slip
        return SLIPPED if slip and self._dropped % slip == 0 else DROPPED

    def succeed(self, previous: Rrl) -> None:
        """Go on with the accounts where their rates are the same."""
        if previous.settings == self.settings:
            self.table = previous.table
            self._made = previous._made

    def _drop(self, query: Query, kind: str) -> Reply:
        action = self.sanction()
        self._note(query, kind, action)
        if action == SLIPPED:
            return Reply(query.question, flags=constants.TC, source=self.name, octets=EMPTY_BODY)
        return silence(query, self.name)

    def _refuse(self, query: Query) -> Reply:
        """A request that is too many; over a connection, where nobody else could have sent it, it is answered."""
        action = DROPPED if query.transport == "udp" else REFUSED
        self._note(query, REQUEST, action)
        if action == DROPPED:
            return silence(query, self.name)
        return failure(query, self.name, constants.REFUSED, ede=constants.EDE_PROHIBITED, text="too many queries")

    def _note(self, query: Query, kind: str, action: str) -> None:
        self.metrics.count(query.site, kind, action, query.client[0])
        if query.trail is not None:
            query.trail.decide("audit-only" if action == REPORTED else "deny", self.name)

    def _made_from(self, query: Query, reply: Reply) -> bytes:
        """What an answer was made from where that answers for names without number; a cache does not know it."""
        trail, name, made = query.trail, query.name, self._made
        if trail is None:
            return b""
        if trail.cache in _FROM_MEMORY:
            return made.get(name, b"")
        if not trail.made_from:
            made.pop(name, None)
        elif reply.replay is None or not reply.replay.live:  # a cache may have it now
            if len(made) >= self.settings.table and name not in made:
                del made[next(iter(made))]
            made[name] = trail.made_from
        return trail.made_from

    def _covers(self, name: bytes) -> bool:
        zones = self.settings.zones
        return any(suffix in zones for suffix in suffixes(name))

    def count(self, site: Site, kind: str, action: str, host: str, packet: bytes) -> None:
        """Note what became of a replay."""
        self.metrics.count(site, kind, action, host)
        for one in self._recording:
            one.limited(site, host, packet, self.name, "audit-only" if action == REPORTED else "deny")

    @cached_property
    def _recording(self) -> tuple[Recording, ...]:
        return tuple(offering(self._block.parts, Recording))

    @cached_property
    def _vouchers(self) -> tuple[Vouching, ...]:
        return tuple(offering(self._block.parts, Vouching))


class Gate:
    """Stands in front of the replays of one answer."""

    __slots__ = ("_accounts", "_kind", "_limit", "_site")

    def __init__(self, limit: Rrl, site: Site, kind: str, about: Hashable) -> None:
        self._limit = limit
        self._site = site
        self._kind = kind
        accounts = {REQUEST: None, kind: about}
        self._accounts = tuple([one for one in accounts.items() if limit.settings.rates[one[0]]])

    def guard(self, client: tuple[str, int], packet: bytes, octets: bytes, now: float) -> bytes | None:
        """The answer, or what is sent in its place; what goes down the chain is counted there."""
        limit, host = self._limit, client[0]
        report_only = limit.settings.report_only
        for kind, about in self._accounts:
            if limit.lacks(kind, about, host, now) and not report_only:
                if limit.is_news(limit.prefix(host), now) or kind == self._kind == REQUEST:
                    return None
                return self._instead(kind, host, packet, now)
        for kind, about in self._accounts:
            if not limit.take(kind, about, host, now):
                limit.count(self._site, kind, REPORTED, host, packet)
        return octets

    def _instead(self, exceeded: str, host: str, packet: bytes, now: float) -> bytes:
        limit = self._limit
        for kind, about in self._accounts:
            limit.take(kind, about, host, now)
            if kind == exceeded:
                break
        action = DROPPED if exceeded == REQUEST else limit.sanction()
        limit.count(self._site, exceeded, action, host, packet)
        if action == DROPPED:
            return b""
        try:
            return empty_answer(packet, constants.TC)
        except WireError:
            return b""
