"""One ``forward`` line at work: from a query to the answer of an upstream."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Iterable
from typing import Final, NamedTuple

from resolver.chain.query import Query
from resolver.chain.setup import Host
from resolver.errors import UpstreamError
from resolver.plugins.forward.metrics import Metrics
from resolver.plugins.forward.settings import ATTEMPTS_PER_UPSTREAM, Line
from resolver.upstream.address import Address
from resolver.upstream.coalesce import Coalescer
from resolver.upstream.exchange import Busy, Request, TimedOut
from resolver.upstream.policy import Walk, make
from resolver.upstream.pool import Pool, UpstreamSettings
from resolver.upstream.upstream import Upstream
from resolver.wire.constants import (
    EDE_NETWORK_ERROR,
    EDE_NO_REACHABLE_AUTHORITY,
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
STREAMS: Final = frozenset(("tcp", "tls", "https", "quic"))

# Options that are agreed between two neighbours and mean nothing further on (RFC 7873, 7828, 7830).
HOP_BY_HOP: Final = frozenset((OPTION_COOKIE, OPTION_KEEPALIVE, OPTION_PADDING))

OVER_UDP, OVER_TCP, OVER_BOTH = 0, 1, 2


class Found(NamedTuple):
    """What a line has for a query: a message of ``upstream``, or a failure with rcode, extended error and reason."""

    message: Message | None
    upstream: str = ""
    rcode: int = SERVFAIL
    ede: int | None = None
    text: str = ""
    error: str = ""


class WorkingLine:
    """Upstreams, policy and the queries in flight of one line."""

    def __init__(self, settings: Line, host: Host, metrics: Metrics, loop: AbstractEventLoop, pool: Pool) -> None:
        self.settings = settings
        self.upstreams: tuple[Upstream, ...] = ()
        self.active = 0
        self._clock = host.clock
        self._chance = host.chance
        self._metrics = metrics
        self._policy = make(settings.policy, host.chance)
        self._coalescer: Coalescer[Found] = Coalescer(loop)
        self._budget = max(BUDGET, settings.limits.read_timeout)
        self._most = settings.max_concurrent or MAX_WAITING
        self._pool = pool
        self._taken: tuple[UpstreamSettings, ...] = ()

    def use(self, addresses: Iterable[Address], *, linger: float = 0.0) -> None:
        """Forward to these from now on; connections and health of those that stay are kept.

        Exchanges with those that go have ``linger`` seconds to end. Raises UpstreamError.
        """
        line, given_up = self.settings, self._taken
        wanted = [UpstreamSettings(address, line.limits, line.checks, line.tls) for address in addresses]
        self.upstreams = self._pool.take_all(wanted)
        self._taken = tuple(wanted)
        for settings in given_up:
            self._pool.give_back(settings, linger)

    def passes_on(self, found: Found) -> bool:
        """Whether the next line shall be asked instead."""
        message = found.message
        if message is None:
            return False
        settings = self.settings
        rcode = message.rcode
        if rcode in settings.next_rcodes:
            return True
        return settings.next_on_nodata and rcode == NOERROR and not any(s.section == ANSWER for s in message.spans)

    async def find(self, query: Query) -> Found:
        """The answer of an upstream, or why there is none. Identical queries meanwhile share it."""
        if self.active >= self._most:
            return self._reject()
        mode = self._mode(query)
        request = make_request(query)
        key = mode, request.tail if query.name == query.qname else _lowered(query, request)
        self.active += 1
        try:
            return await self._share(key, request, mode)
        finally:
            self.active -= 1

    def _mode(self, query: Query) -> int:
        settings = self.settings
        if settings.force_tcp:
            return OVER_TCP
        if settings.prefer_udp or query.transport == "internal":
            return OVER_BOTH
        return OVER_TCP if query.transport in STREAMS else OVER_UDP

    def _reject(self) -> Found:
        self._metrics.rejected.value += 1
        text = f"concurrent queries exceeded maximum {self._most}"
        return Found(None, rcode=REFUSED, error=text)

    async def _share(self, key: tuple[int, bytes], request: Request, mode: int) -> Found:
        coalescer = self._coalescer
        while (leader := coalescer.follow(key)) is not None:
            shared = await leader
            if shared is not None:
                self._metrics.coalesced.value += 1
                return shared
        if not coalescer.lead(key):
            return await self._search(request, mode)
        found = None
        try:
            found = await self._search(request, mode)
            return found
        finally:
            coalescer.done(key, found)

    async def _search(self, request: Request, mode: int) -> Found:
        """Try upstreams until one gives an answer that may stand."""
        settings, clock, upstreams = self.settings, self._clock, self.upstreams
        if not upstreams:
            return _failure(None)
        walk = Walk(self._policy(len(upstreams)))
        attempts = settings.max_attempts
        left = ATTEMPTS_PER_UPSTREAM * len(upstreams) if attempts is None else attempts or -1
        now = clock()
        deadline = now + self._budget
        kept: Found | None = None
        error: UpstreamError | None = None
        while left and now < deadline:
            index = walk.step(lambda number: upstreams[number].health.down)
            last_hope = index is None
            if index is None and (kept or (index := self._last_hope(len(upstreams))) is None):
                break
            upstream = upstreams[index]
            over_tcp = mode == OVER_TCP
            timeout = min(settings.limits.read_timeout, deadline - now)
            outcome = await upstream.ask(request, over_tcp, timeout)
            if outcome.__class__ is Message and mode == OVER_BOTH and outcome.flags & TC:
                kept = Found(outcome, upstream.label)
                outcome = await upstream.ask(request, True, timeout)
            asked, now = now, clock()
            if isinstance(outcome, Message):
                rcode = outcome.rcode
                self._metrics.answered(upstream.label, rcode, now - asked)
                upstream.health.query_answered()
                kept = Found(outcome, upstream.label)
                if rcode in settings.failover and walk.done(index):
                    continue
                return kept
            error = outcome
            left -= 1
            if not isinstance(outcome, Busy):
                upstream.failed()
            if last_hope:
                break
        return kept or _failure(error)

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
    return Request(wire[2:], query.question)


def _lowered(query: Query, request: Request) -> bytes:
    """The message with the name in lower case."""
    return request.tail[:10] + query.name + request.tail[10 + len(query.qname) :]


def _failure(error: UpstreamError | None) -> Found:
    if error is None:
        return Found(None, ede=EDE_NO_REACHABLE_AUTHORITY, text="all upstreams are down", error="no healthy proxies")
    if isinstance(error, TimedOut):
        return Found(None, ede=EDE_NO_REACHABLE_AUTHORITY, text="no upstream answered in time", error=str(error))
    return Found(None, ede=EDE_NETWORK_ERROR, text="no upstream could be reached", error=str(error))
