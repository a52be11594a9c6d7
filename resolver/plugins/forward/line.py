"""One ``forward`` line at work: from a query to the answer of an upstream."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, NamedTuple, TypeAlias

from resolver.chain.capabilities import Exchange, Tapping
from resolver.chain.query import Query
from resolver.chain.setup import Host
from resolver.chain.trail import Trail
from resolver.errors import UpstreamError
from resolver.plugins.forward.settings import ATTEMPTS_PER_UPSTREAM, Line
from resolver.plugins.forward.shared import Shared
from resolver.upstream.address import Address
from resolver.upstream.coalesce import Coalescer
from resolver.upstream.exchange import Busy, Outcome, Request, TimedOut
from resolver.upstream.health import Health
from resolver.upstream.policy import Walk
from resolver.upstream.pool import UpstreamSettings
from resolver.upstream.upstream import Upstream
from resolver.wire.constants import (
    EDE_NETWORK_ERROR,
    EDE_NO_REACHABLE_AUTHORITY,
    HEADER_SIZE,
    NOERROR,
    OPTION_COOKIE,
    OPTION_KEEPALIVE,
    OPTION_PADDING,
    REFUSED,
    SERVFAIL,
    TC,
)
from resolver.wire.edns import without_options
from resolver.wire.message import ANSWER, Message

BUDGET: Final = 5.0  # seconds for all tries of one query
MAX_WAITING: Final = 65_536  # queries of one line, where max_concurrent says nothing

# Options that are agreed between two neighbours and mean nothing further on (RFC 7873, 7828, 7830).
HOP_BY_HOP: Final = frozenset((OPTION_COOKIE, OPTION_KEEPALIVE, OPTION_PADDING))

OVER_UDP, OVER_TCP, OVER_BOTH = 0, 1, 2
_AS_ASKED: Final = {"udp": OVER_UDP, "internal": OVER_BOTH}
_ALL_ALIKE: Final[Mapping[str, int]] = {}


class Answer(NamedTuple):
    """What an upstream has answered."""

    message: Message
    upstream: str


class Failure(NamedTuple):
    """Why there is no answer: response code, extended error with its words for the client, reason for the log."""

    rcode: int
    ede: int | None
    text: str
    error: str


Found: TypeAlias = Answer | Failure


class WorkingLine:
    """Upstreams, policy and the queries in flight of one line."""

    __slots__ = (
        "_budget", "_chance", "_clock", "_coalescer", "_health", "_metrics", "_modes", "_most", "_other_mode",
        "_policy", "_pool", "_taps", "_timeout", "active", "settings", "upstreams",
    )  # fmt: skip

    def __init__(self, settings: Line, host: Host, shared: Shared, taps: tuple[Tapping, ...] = ()) -> None:
        self.settings = settings
        self.upstreams: tuple[Upstream, ...] = ()
        self.active = 0
        self._clock = host.clock
        self._chance = host.chance
        self._metrics = shared.metrics
        self._policy = shared.policy(settings.policy)
        self._coalescer: Coalescer[Found] = Coalescer(shared.loop)
        # a little longer than one try, or the first would be cut short by what the clock rounds off
        self._budget = max(BUDGET, settings.limits.read_timeout + 0.001)
        self._most = settings.max_concurrent or MAX_WAITING
        self._pool = shared.pool
        self._health: tuple[Health, ...] = ()
        self._timeout = settings.limits.read_timeout
        self._taps = taps
        self._modes, self._other_mode = _modes(settings)

    def use(self, addresses: Iterable[Address], *, linger: float = 0.0) -> None:
        """Forward to these from now on; connections and health of those that stay are kept.

        Exchanges with those that go have ``linger`` seconds to end. Raises UpstreamError.
        """
        given_up = [self._upstream(upstream.address) for upstream in self.upstreams]
        self.upstreams = self._pool.take_all([self._upstream(address) for address in addresses])
        self._health = tuple([upstream.health for upstream in self.upstreams])
        for settings in given_up:
            self._pool.give_back(settings, linger)

    def _upstream(self, address: Address) -> UpstreamSettings:
        line = self.settings
        limits = line.limits
        if limits.random_case and (address.host, address.port) in line.fixed_case:
            limits = replace(limits, random_case=False)
        return UpstreamSettings(address, limits, line.checks, line.tls)

    def passes_on(self, found: Found) -> bool:
        """Whether the next line shall be asked instead."""
        if isinstance(found, Failure):
            return False
        settings, message = self.settings, found.message
        rcode = message.rcode
        if rcode in settings.next_rcodes:
            return True
        return settings.next_on_nodata and rcode == NOERROR and not any(s.section == ANSWER for s in message.spans)

    async def find(self, query: Query) -> Found:
        """The answer of an upstream, or why there is none. Identical queries meanwhile share it."""
        if self.active >= self._most:
            return self._reject()
        mode = self._modes.get(query.transport, self._other_mode)
        request = make_request(query)
        key = mode, request.tail if query.name == query.qname else _lowered(query, request)
        self.active += 1
        place = self._coalescer.join(key)
        found = None
        try:
            while not isinstance(place, bool):
                joined = self._clock()
                found = await place
                if found is not None:
                    self._metrics.coalesced.value += 1
                    if query.trail is not None:
                        _follow(query.trail, found, self._clock() - joined)
                    return found
                place = self._coalescer.join(key)
            found = await self._search(query, request, mode)
            return found
        finally:
            self.active -= 1
            if place is True:
                self._coalescer.done(key, found)

    def _reject(self) -> Failure:
        self._metrics.rejected.value += 1
        return Failure(REFUSED, None, "", f"concurrent queries exceeded maximum {self._most}")

    async def _search(self, query: Query, request: Request, mode: int) -> Found:
        """Try upstreams until one gives an answer that may stand."""
        upstreams, clock, failover = self.upstreams, self._clock, self.settings.failover
        if not upstreams:
            return _failure(None)
        left = self._attempts(len(upstreams))
        walk = Walk(self._policy(len(upstreams)), self._health)
        now = clock()
        deadline = now + self._budget
        kept: Answer | None = None
        error: UpstreamError | None = None
        while left and now < deadline:
            index = walk.step()
            if index is None and (kept or (index := self._last_hope(len(upstreams))) is None):
                break
            upstream = upstreams[index]
            outcome = await upstream.ask(request, mode == OVER_TCP, min(self._timeout, deadline - now))
            if self._taps:
                self._tap(query, request, upstream, mode == OVER_TCP, now, outcome)
            if mode == OVER_BOTH and isinstance(outcome, Message) and outcome.flags & TC:
                kept = Answer(outcome, upstream.label)
                outcome = await upstream.ask(request, True, min(self._timeout, deadline - now))
                if self._taps:
                    self._tap(query, request, upstream, True, now, outcome)
            asked, now = now, clock()
            if query.trail is not None:
                query.trail.upstream = upstream.label
                query.trail.upstream_time += now - asked
            if isinstance(outcome, Message):
                self._metrics.answered(upstream.label, outcome.rcode, now - asked)
                upstream.health.answered()
                kept = Answer(outcome, upstream.label)
                if failover and outcome.rcode in failover and walk.done(index):
                    continue
                return kept
            error = outcome
            left -= 1
            if not isinstance(outcome, Busy):
                upstream.failed()
            if walk.hopeless or (failover and kept and walk.once_round()):
                break
        return kept or _failure(error)

    def _tap(
        self, query: Query, request: Request, upstream: Upstream, over_tcp: bool, asked: float, outcome: Outcome
    ) -> None:
        """Tell who wants to know. The question is told with the ID of its answer, which is the one that was sent."""
        address = upstream.address
        transport = address.scheme if address.encrypted else "tcp" if over_tcp else "udp"
        answer = outcome.octets if isinstance(outcome, Message) else b""
        if query.metadata is not None:
            query.metadata["forward/upstream"] = upstream.label
        question = (answer[:2] or b"\0\0") + request.tail
        for tap in self._taps:
            tap.exchanged(query, Exchange((address.host, address.port), transport, asked, question, answer))

    def _attempts(self, upstreams: int) -> int:
        """How many tries may fail; a negative number never comes down to none."""
        attempts = self.settings.max_attempts
        return ATTEMPTS_PER_UPSTREAM * upstreams if attempts is None else attempts or -1

    def _last_hope(self, count: int) -> int | None:
        """With all upstreams down either any of them, as the checks may be what is broken, or none."""
        self._metrics.broken.value += 1
        return None if self.settings.failfast else int(self._chance.random() * count)


def make_request(query: Query) -> Request:
    """What goes to the upstream: the client's question, flags and EDNS without the options between neighbours."""
    edns = query.edns
    if edns is None or not edns.options:
        wire = query.wire(0)
    else:
        wire = query.wire(0, without_options(edns.options, HOP_BY_HOP))
    return Request(wire[2:], wire[HEADER_SIZE : HEADER_SIZE + len(query.qname) + 4])


def _follow(trail: Trail, found: Found, seconds: float) -> None:
    """Note the exchange of an identical query."""
    trail.upstream_time += seconds
    if isinstance(found, Answer):
        trail.upstream = found.upstream


def _modes(settings: Line) -> tuple[Mapping[str, int], int]:
    """How upstreams are asked, by the transport of the client, and for any other transport."""
    if settings.force_tcp:
        return _ALL_ALIKE, OVER_TCP
    if settings.prefer_udp:
        return _ALL_ALIKE, OVER_BOTH
    return _AS_ASKED, OVER_TCP


def _lowered(query: Query, request: Request) -> bytes:
    """The message with the name in lower case."""
    return request.tail[:10] + query.name + request.tail[10 + len(query.qname) :]


def _failure(error: UpstreamError | None) -> Failure:
    if error is None:
        return Failure(SERVFAIL, EDE_NO_REACHABLE_AUTHORITY, "all upstreams are down", "no healthy proxies")
    if isinstance(error, TimedOut):
        return Failure(SERVFAIL, EDE_NO_REACHABLE_AUTHORITY, "no upstream answered in time", str(error))
    return Failure(SERVFAIL, EDE_NETWORK_ERROR, "no upstream could be reached", str(error))
