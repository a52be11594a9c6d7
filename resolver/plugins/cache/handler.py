"""Answers from memory; what is not there is asked for and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from math import ceil
from struct import Struct
from typing import Any, NamedTuple

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, Site
from resolver.chain.reply import Replay, Reply
from resolver.chain.setup import Block, Host
from resolver.errors import ResolverError
from resolver.plugins.cache.budget import Claim, budget_of
from resolver.plugins.cache.contents import Contents
from resolver.plugins.cache.entry import ANSWERS, FOR_ALL, HEAD, Head, RawHead, head_of
from resolver.plugins.cache.keeper import Keeper, Taken, covers
from resolver.plugins.cache.metrics import Gauges, Meters
from resolver.plugins.cache.refresh import Refreshes, background, wait_for
from resolver.plugins.cache.replies import ERRORS, fresh_reply, may_see_ad, stale_reply
from resolver.plugins.cache.settings import Settings
from resolver.plugins.cache.subnet import asks_for_subnet
from resolver.wire.constants import AD, AXFR, CD, IXFR, NONE, OPCODE_MASK, OPT, TSIG
from resolver.wire.names import is_below, to_text

_KEY = Struct("!HHB")
_UNCACHED_TYPES = frozenset((0, OPT, 249, TSIG, IXFR, AXFR))
_UNCACHED_CLASSES = frozenset((0, NONE, 255))
_PREFETCH_PAUSE = 1.0  # seconds between attempts to prefetch an answer while that fails
_CLEARED_AT_ONCE = 16


class Found(NamedTuple):
    """An entry that may be served, on which shelf it is, and whether its time is over."""

    entry: bytes
    head: Head
    is_success: bool
    is_stale: bool


class Cache(Plugin):
    """One ``cache`` line. A fresh positive answer is the newest word on its key and needs no second look."""

    name = "cache"
    transparent = True

    def __init__(self, settings: Settings, block: Block, host: Host) -> None:
        self.settings = settings
        self.contents = Contents(settings, budget_of(host.registry))
        self._claim = Claim(settings.budget, settings.budget_word)
        budget_of(host.registry).claim(self._claim)
        self._block = block
        self._host = host
        self._clock = host.clock
        self._all_zones = all(any(is_below(zone, own) for own in settings.zones) for zone in block.zones)
        self._zones = frozenset(settings.zones)
        self._zones_label = ",".join(to_text(zone) for zone in settings.zones)
        self._gauges = Gauges(host.registry, self._zones_label)
        self._meters: dict[tuple[str, str], Meters] = {}
        self._last_site: Site | None = None
        self._last_meters: Meters | None = None
        self._adopt(self.contents)
        self._refreshes = Refreshes(host.log.named("cache"))
        self._verifying: set[bytes] = set()
        self._in_service = False
        self._unhook: Callable[[], None] = lambda: None

    def _adopt(self, contents: Contents) -> None:
        self.contents = contents
        self._keeper = Keeper(self.settings, contents)
        self._success, self._denial = contents.success, contents.denial

    # --- life

    async def start(self) -> None:
        """Take part in the budget and show figures."""
        self._in_service = True
        self.contents.owners += 1
        budget_of(self._host.registry).settle(self._claim, self._host.registry)
        self._unhook = self._host.registry.before_read(self._show)

    async def stop(self) -> None:
        """End refreshes, and free what no other part took over, little by little."""
        await self._refreshes.stop()
        if not self._in_service:
            return
        self._in_service = False
        self._show()
        self._unhook()
        for site in self._sites():
            self._gauges.drop(site)
        budget_of(self._host.registry).release(self._claim)
        self.contents.owners -= 1
        cleared = 0
        while not self.contents.owners and self.contents.clear_some():
            cleared += 1
            if cleared % _CLEARED_AT_ONCE == 0:
                await asyncio.sleep(0)

    def succeed(self, previous: Any) -> None:
        """Serve on from the answers of the same line before a reload, where its options are the same."""
        if isinstance(previous, Cache) and previous.settings == self.settings:
            self._adopt(previous.contents)

    def _sites(self) -> list[Site]:
        known = {(site.server, site.view): site for site in self._block.sites}
        for server, view in self._meters:
            known.setdefault((server, view), Site(server, ".", view))
        return list(known.values())

    def _show(self) -> None:
        sites = self._sites()
        for kind, store in (("success", self._success), ("denial", self._denial)):
            for site in sites:
                self._gauges.entries(site, kind, len(store))
            if store.evicted and sites:
                self._gauges.evicted(sites[0], kind, store.evicted)
                store.evicted = 0

    def _meters_of(self, site: Site) -> Meters:
        meters = self._meters.get((site.server, site.view))
        if meters is None:
            meters = Meters(self._host.registry, site, self._zones_label)
            self._meters[site.server, site.view] = meters
        self._last_site, self._last_meters = site, meters
        return meters

    # --- answering

    async def resolve(self, query: Query, next: Handler) -> Reply:
        """From memory where the answer is fresh, otherwise from below."""
        flags, edns = query.flags, query.edns
        if (
            flags & OPCODE_MASK
            or query.qtype in _UNCACHED_TYPES
            or query.qclass in _UNCACHED_CLASSES
            or not (self._all_zones or covers(self._zones, query.name))
        ):
            return await next(query)
        site = query.site
        meters = self._last_meters if site is self._last_site else self._meters_of(site)
        assert meters is not None
        meters.requests.value += 1
        if edns is None:
            key = query.name + _KEY.pack(query.qtype, query.qclass, flags & CD)
            needed = 0
        else:
            key = query.name + _KEY.pack(query.qtype, query.qclass, flags & CD | edns.do)
            needed = FOR_ALL if edns.options and asks_for_subnet(edns.options) else 0
        now = self._clock()
        entry = self._success.get(key)
        if entry is not None:
            head = HEAD.unpack_from(entry)
            if now - head[0] < head[1] and head[4] & needed == needed:
                meters.hits_success.value += 1
                return self._fresh(query, next, key, entry, head, now, meters, meters.found_success)
        return await self._look_further(query, next, key, entry, needed, now, meters)

    async def _look_further(
        self, query: Query, next: Handler, key: bytes, positive: bytes | None, needed: int, now: float, meters: Meters
    ) -> Reply:
        found = self._find(key, positive, needed, now)
        if found is None:
            meters.misses.value += 1
            taken = await self._fetch(query, next, key, meters)
            if taken.entry is not None and self.contents.popularity is not None:
                self.contents.popularity.forget(key)
            return taken.reply
        if found.is_success:
            meters.hits_success.value += 1
        else:
            meters.hits_denial.value += 1
        if not found.is_stale:
            counts = meters.found_success if found.is_success else meters.found_denial
            return self._fresh(query, next, key, found.entry, found.head, now, meters, counts)
        if self.settings.stale is not None and self.settings.stale.verify:
            reply = await self._verified(query, next, key, found, now, meters)
            if reply is not None:
                return reply
            now = self._clock()
        elif self._may_refresh(key, now):
            meters.prefetches.value += 1
            self._refresh(query, next, key, found.head, meters)
        return self._stale(query, key, found, now, meters)

    def _find(self, key: bytes, positive: bytes | None, needed: int, now: float) -> Found | None:
        """What else may be served: a fresh denial, or something stale."""
        stale = self.settings.stale
        last_good = self._stale_entry(positive, needed, now, is_success=True)
        entry = self._denial.get(key)
        if entry is None:
            return last_good
        head = head_of(entry)
        if head.flags & needed != needed:
            return last_good
        fresh = now - head.stored < head.life
        if last_good is not None:
            preferred = stale is not None and stale.prefer_positive and last_good.head.flags & ANSWERS
            if preferred or head.rcode in ERRORS or (not fresh and last_good.head.stored > head.stored):
                return last_good
        if fresh:
            return Found(entry, head, is_success=False, is_stale=False)
        return None if head.rcode in ERRORS else self._stale_entry(entry, needed, now, is_success=False)

    def _stale_entry(self, entry: bytes | None, needed: int, now: float, *, is_success: bool) -> Found | None:
        stale = self.settings.stale
        if entry is None or stale is None:
            return None
        head = head_of(entry)
        if head.flags & needed != needed or now - head.stored >= head.life + stale.window:
            return None
        return Found(entry, head, is_success, is_stale=True)

    def _fresh(
        self,
        query: Query,
        next: Handler,
        key: bytes,
        entry: bytes,
        head: RawHead,
        now: float,
        meters: Meters,
        counts: tuple[Callable[[int], None], ...],
    ) -> Reply:
        stored = head[0]
        until = stored + head[1]
        replays = None
        if self.settings.prefetch is not None:
            until, replays = self._note(query, next, key, head, now, meters)
        if self.settings.keep_ttl:
            replay = Replay(until, None, (), counts, replays)
            return fresh_reply(query, entry, head, head[2], replay if until > now else None)
        replay = Replay(until, stored, (), counts, replays)
        return fresh_reply(query, entry, head, head[2] - int(now - stored), replay if until > now else None)

    # --- prefetch

    def _note(
        self, query: Query, next: Handler, key: bytes, head: RawHead, now: float, meters: Meters
    ) -> tuple[float, list[int] | None]:
        """Count a hit and prefetch if it is time; until when repeats need not be seen, and where they are counted.

        In the last part of an answer's life every query is seen, so that the one that makes it popular, or that comes
        after it was fetched anew, is not answered with old octets. Only a pause after a failed attempt hides nothing.
        """
        prefetch, popularity = self.settings.prefetch, self.contents.popularity
        assert prefetch is not None
        assert popularity is not None
        count, replays = popularity.note(key, now)
        end = head[0] + head[1]
        opens = end - ceil(prefetch.percentage * int(head[1]) / 100)
        if now < opens:
            return min(opens, now + prefetch.gap), replays
        paused = self.contents.paused_until(key, now)
        if paused is not None:
            return min(paused, end), replays
        if count >= prefetch.amount and self._may_refresh(key, now):
            meters.prefetches.value += 1
            self._refresh(query, next, key, Head._make(head), meters)
        return now, replays

    # --- stale answers

    def _stale(self, query: Query, key: bytes, found: Found, now: float, meters: Meters) -> Reply:
        """An answer whose time is over. It may be replayed while no refresh can bring a better one."""
        stale = self.settings.stale
        assert stale is not None
        meters.stale.value += 1
        replay = None
        paused = self.contents.paused_until(key, now) if stale.recheck else None
        if paused is not None:
            counts = meters.stale_success if found.is_success else meters.stale_denial
            end = found.head.stored + found.head.life + stale.window
            replay = Replay(min(paused, end), None, (), counts)
        return stale_reply(query, found.entry, found.head, stale.ttl, replay)

    async def _verified(
        self, query: Query, next: Handler, key: bytes, found: Found, now: float, meters: Meters
    ) -> Reply | None:
        """The answer from below, None where the stale one has to do."""
        stale = self.settings.stale
        assert stale is not None
        running = self._refreshes.get(key)
        under_way = running is not None or key in self._verifying
        if stale.recheck and (under_way or self.contents.paused_until(key, now) is not None):
            return None
        if not stale.verify_timeout:
            return await self._verified_now(query, next, key, found, meters)
        task = running or self._refresh(query, next, key, found.head, meters)
        if task is None:
            return None
        await wait_for(task, stale.verify_timeout)
        taken = task.result() if task.done() and not task.cancelled() else None
        return None if taken is None else self._for(query, taken)

    async def _verified_now(
        self, query: Query, next: Handler, key: bytes, found: Found, meters: Meters
    ) -> Reply | None:
        """As ``_verified`` without a time-out of ours: the client waits for as long as the upstreams may take."""
        accepted = False
        self._verifying.add(key)
        try:
            taken = await self._fetch(query, next, key, meters, found.head)
            accepted = taken.accepted
        except ResolverError:
            return None
        finally:
            self._verifying.discard(key)
            if not accepted:
                self._pause(key, found.head)
        return taken.reply if taken.accepted else None

    # --- asking below

    def _may_refresh(self, key: bytes, now: float) -> bool:
        return self._refreshes.get(key) is None and self.contents.paused_until(key, now) is None

    def _refresh(
        self, query: Query, next: Handler, key: bytes, replaced: Head, meters: Meters
    ) -> asyncio.Task[Taken | None] | None:
        work = partial(self._fetch_behind, background(query), next, key, replaced, meters)
        return self._refreshes.start(key, work)

    async def _fetch_behind(
        self, query: Query, next: Handler, key: bytes, replaced: Head, meters: Meters
    ) -> Taken | None:
        accepted = False
        try:
            taken = await self._fetch(query, next, key, meters, replaced)
            accepted = taken.accepted
        finally:
            if not accepted:
                self._pause(key, replaced)
        return taken if accepted else None

    async def _fetch(
        self, query: Query, next: Handler, key: bytes, meters: Meters, replaced: Head | None = None
    ) -> Taken:
        """Ask below. AD is set in the question so that the answer can be kept for those who want to know."""
        asked = query if query.flags & AD else query.derive(flags=query.flags | AD)
        reply = await next(asked)
        return self._keeper.take(query, reply, key, self._clock(), meters, replaced)

    def _pause(self, key: bytes, head: Head) -> None:
        """After a refresh that failed: give the upstreams a rest, as the options say or while the answer lasts."""
        now, end = self._clock(), head.stored + head.life
        stale = self.settings.stale
        if now < end:
            self.contents.pause(key, min(now + _PREFETCH_PAUSE, end))
        elif stale is not None and stale.recheck:
            self.contents.pause(key, now + stale.recheck)

    def _for(self, query: Query, taken: Taken) -> Reply:
        """What was fetched behind the back of clients, for one of them."""
        if taken.entry is not None:
            head = head_of(taken.entry)
            return fresh_reply(query, taken.entry, head, head.shown, None)
        reply = taken.reply
        flags = reply.flags if may_see_ad(query) else reply.flags & ~AD
        return Reply(query.question, reply.rcode, flags, source="cache", upstream=reply.upstream, octets=reply.body)
