"""Answers from memory; what is not there is asked for and kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from struct import Struct
from typing import Any

from resolver.chain.capabilities import Overlay, offering
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, Site
from resolver.chain.reply import Replay, Reply
from resolver.chain.setup import Block, Host
from resolver.plugins.cache.budget import DEFAULT_BUDGET, Claim
from resolver.plugins.cache.common import common_of
from resolver.plugins.cache.contents import Contents
from resolver.plugins.cache.entry import FOR_ALL, HEAD, RawHead, head_of
from resolver.plugins.cache.fetch import Asked, Fetcher
from resolver.plugins.cache.keeper import Keeper, Taken, covers
from resolver.plugins.cache.metrics import Gauges, Meters, label_of
from resolver.plugins.cache.prefetch import Prefetching
from resolver.plugins.cache.refresh import Refreshes
from resolver.plugins.cache.replies import ERRORS, fresh_reply
from resolver.plugins.cache.settings import DEFAULT_CAPACITY, Settings
from resolver.plugins.cache.stale import Found, StaleServing
from resolver.plugins.cache.subnet import asks_for_subnet, scoped
from resolver.plugins.cache.takeover import answers_alike
from resolver.wire.constants import ANY_CLASS, AXFR, CD, IXFR, NONE, OPCODE_MASK, OPT, OPTION_ECS, TSIG
from resolver.wire.edns import has_option

_KEY = Struct("!HHB")
_TKEY = 249
_UNCACHED_TYPES = frozenset((0, OPT, _TKEY, TSIG, IXFR, AXFR))
_UNCACHED_CLASSES = frozenset((0, NONE, ANY_CLASS))
_CLEARED_AT_ONCE = 16
_NONE: frozenset[bytes] = frozenset()  # Python makes another one each time


class Cache(Plugin):
    """One ``cache`` line. A fresh positive answer is the newest word on its key and needs no second look."""

    name = "cache"
    transparent = True

    __slots__ = (
        "_all_zones", "_block", "_claim", "_clock", "_common", "_contents", "_denial", "_fetcher", "_gauges",
        "_in_service", "_label", "_last_meters", "_last_site", "_log", "_meters", "_overlays", "_prefetching",
        "_refreshes", "_registry", "_stale", "_success", "_zones", "settings",
    )  # fmt: skip

    def __init__(self, settings: Settings, block: Block, host: Host) -> None:
        common = common_of(host.registry)
        self.settings = settings
        self._common = common
        self._claim: Claim | None = None
        if settings.budget is not None and settings.budget_word is not None:
            self._claim = Claim(settings.budget, settings.budget_word, block.config)
            common.budget.claim(self._claim)
        self._block = block
        self._registry = host.registry
        self._clock = host.clock
        zones = frozenset(settings.zones)
        self._all_zones = all(covers(zones, zone) for zone in block.zones)
        self._zones = _NONE if self._all_zones else zones
        self._log = host.log
        self._contents: Contents | None = None
        self._meters: dict[tuple[str, str], Meters] = {}
        self._last_site: Site | None = None
        self._last_meters: Meters
        self._in_service = False
        self._overlays: tuple[Overlay, ...] = ()

    @property
    def contents(self) -> Contents:
        """What is kept."""
        return self._begin() if self._contents is None else self._contents

    def _begin(self) -> Contents:
        """With the first question: of ten thousand zones most are never asked for."""
        contents = Contents(self.settings, self._common.budget)
        self._adopt(contents)
        return contents

    def _adopt(self, contents: Contents) -> None:
        settings = self.settings
        self._contents = contents
        self._success, self._denial = contents.success, contents.denial
        self._refreshes: Refreshes[Taken] = Refreshes(self._common.places, self._log.named("cache"))
        self._fetcher = Fetcher(self._clock, contents, Keeper(settings, contents), self._refreshes)
        self._stale = StaleServing(settings.stale, self._fetcher) if settings.stale else None
        self._prefetching = None
        if settings.prefetch is not None and contents.popularity is not None:
            self._prefetching = Prefetching(settings.prefetch, contents.popularity, self._fetcher)
        self._label = label_of(settings.zones)
        self._gauges = Gauges(self._registry, self._label)
        if self._in_service:
            self._take_over(contents)

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
        meters.requests.value += 1
        if edns is None:
            key = query.name + _KEY.pack(query.qtype, query.qclass, flags & CD)
        else:
            key = query.name + _KEY.pack(query.qtype, query.qclass, flags & CD | edns.do)
            if edns.options and asks_for_subnet(edns.options):
                return await self._for_subnet(Asked(query, next, key, meters), edns.options)
        now = self._clock()
        if self._overlays and any(overlay.claims(query.name) for overlay in self._overlays):
            self.contents.forget(key)  # was known from behind the part that answers now
        positive = entry = self._success.get(key)
        hits, counts = meters.hits_success, meters.found_success
        if entry is None:
            entry = self._denial.get(key)
            hits, counts = meters.hits_denial, meters.found_denial
        if entry is not None:
            head = HEAD.unpack_from(entry)
            if now - head[0] < head[1]:
                hits.value += 1
                if query.trail is not None:
                    query.trail.cached("hit")
                if self._prefetching is None:
                    return self._fresh(query, entry, head, now, head[0] + head[1], counts)
                return self._noted(Asked(query, next, key, meters), entry, head, now, counts)
            return await self._look_further(Asked(query, next, key, meters), positive, 0, now)
        meters.misses.value += 1
        return await self._miss(Asked(query, next, key, meters))

    async def _for_subnet(self, asked: Asked, options: bytes) -> Reply:
        """An answer that is good for the subnet of a client, or for all clients of an upstream that looked at it."""
        question, now = asked.key, self._clock()
        if any(overlay.claims(asked.query.name) for overlay in self._overlays):
            self.contents.forget(question)
        key = self.contents.scopes.find(question, options)
        needed = 0 if key is not None else FOR_ALL
        asked = asked._replace(key=key or question)
        entry = self._success.get(asked.key)
        head = None if entry is None else HEAD.unpack_from(entry)
        if entry is not None and head is not None and now - head[0] < head[1] and head[4] & needed == needed:
            asked.meters.hits_success.value += 1
            reply = self._noted(asked, entry, head, now, asked.meters.found_success)
        elif self._find(asked.key, entry, needed, now) is None:
            asked.meters.misses.value += 1
            return await self._miss(asked)
        else:
            reply = await self._look_further(asked, entry, needed, now)
        if not has_option(reply.options, OPTION_ECS):
            reply.options = scoped(reply.options, asked.key, question, options)
        return reply

    async def _look_further(self, asked: Asked, positive: bytes | None, needed: int, now: float) -> Reply:
        meters = asked.meters
        found = self._find(asked.key, positive, needed, now)
        if found is None:
            meters.misses.value += 1
            return await self._miss(asked)
        if found.is_success:
            meters.hits_success.value += 1
        else:
            meters.hits_denial.value += 1
        if found.is_stale and self._stale is not None:
            return (await self._stale.serve(asked, found, now)).tagged(self._tags_of(asked.query))
        if asked.query.trail is not None:
            asked.query.trail.cached("hit")
        return self._noted(asked, found.entry, found.head, now, meters.found_denial)

    async def _miss(self, asked: Asked) -> Reply:
        if asked.query.trail is not None:
            asked.query.trail.cached("miss")
        taken = await self._fetcher.fetch(asked)
        if taken.entry is not None and self.contents.popularity is not None:
            self.contents.popularity.forget(asked.key)
        return taken.reply

    def _find(self, key: bytes, positive: bytes | None, needed: int, now: float) -> Found | None:
        """What may be served where no fresh positive answer is: a stale one, a fresh denial, or a stale one.

        A positive answer that is still there beside a denial was put before it on purpose: the denial is a failure, or
        prefer_positive holds. All other denials took its place.
        """
        stale = self._stale
        if stale is not None and positive is not None:
            last_good = stale.usable(positive, needed, now, is_success=True)
            if last_good is not None:
                return last_good
        entry = self._denial.get(key)
        if entry is None:
            return None
        head = head_of(entry)
        if now - head.stored < head.life and head.flags & needed == needed:
            return Found(entry, head, is_success=False, is_stale=False)
        if stale is None or head.rcode in ERRORS:
            return None
        return stale.usable(entry, needed, now, is_success=False)

    def _noted(
        self, asked: Asked, entry: bytes, head: RawHead, now: float, counts: tuple[Callable[[int], None], ...]
    ) -> Reply:
        if self._prefetching is None:
            return self._fresh(asked.query, entry, head, now, head[0] + head[1], counts)
        until, replays = self._prefetching.note(asked, head, now)
        return self._fresh(asked.query, entry, head, now, until, counts, replays)

    def _fresh(
        self,
        query: Query,
        entry: bytes,
        head: RawHead,
        now: float,
        until: float,
        counts: tuple[Callable[[int], None], ...],
        replays: list[int] | None = None,
    ) -> Reply:
        if self.settings.keep_ttl:
            base, ttl = None, head[2]
        else:
            base, ttl = head[0], head[2] - int(now - head[0])
        tags = self._tags_of(query) if self._overlays else ()
        replay = Replay(until, base, (), counts, replays, tags) if until > now else None
        return fresh_reply(query, entry, head, ttl, replay)

    def _tags_of(self, query: Query) -> tuple[Hashable, ...]:
        """What ends the replay of an answer that some part behind this one may want to give itself."""
        return tuple([tag for overlay in self._overlays for tag in overlay.overlay_tags(query.name)])

    # --- life

    async def start(self) -> None:
        """Take part in the budget and show figures."""
        self._in_service = True
        self._overlays = tuple(offering(self._block.parts, Overlay))
        self._common.begin(self._registry)
        if self._contents is not None:
            self._take_over(self._contents)
        self._common.budget.want(self, self._wanted_answers())
        if self._claim is not None:
            self._common.budget.settle(self._claim)

    def _take_over(self, contents: Contents) -> None:
        contents.owners += 1
        self._common.shows[self._show] = None

    async def stop(self) -> None:
        """End refreshes, and free what no other part took over, little by little."""
        contents = self._contents
        if contents is not None:
            await self._refreshes.stop()
        if not self._in_service:
            return
        self._in_service = False
        self._common.budget.want(self, 0)
        if self._claim is not None:
            self._common.budget.release(self._claim)
        if contents is not None:
            self._show()
            for site in self._sites():
                self._gauges.drop(site)
            del self._common.shows[self._show]
        self._common.end()
        if contents is not None:
            contents.owners -= 1
            await _clear(contents)

    def succeed(self, previous: Any) -> None:
        """Serve on from the answers of the same line before a reload, where they would be given again."""
        if not isinstance(previous, Cache) or previous.settings != self.settings:
            return
        contents = previous._contents
        if contents is not None and answers_alike(previous._block, self._block):
            self._adopt(contents)

    @property
    def replay_octets(self) -> int:
        """Twice the budget where more than the usual one is given: a finished message is larger than what is cached."""
        limit = self._common.budget.limit
        return limit if limit <= DEFAULT_BUDGET else 2 * limit

    def _wanted_answers(self) -> int:
        capacities = (self.settings.success.capacity, self.settings.denial.capacity)
        return sum(capacity for capacity in capacities if capacity > DEFAULT_CAPACITY)

    # --- figures

    def _meters_of(self, site: Site) -> Meters:
        meters = self._meters.get((site.server, site.view))
        if meters is None:
            if self._contents is None:
                self._begin()
            meters = self._meters[site.server, site.view] = Meters(self._registry, site, self._label)
        self._last_site, self._last_meters = site, meters
        return meters

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


async def _clear(contents: Contents) -> None:
    """Free what nobody owns, and let others have their turn in between."""
    cleared = 0
    while not contents.owners and contents.clear_some():
        cleared += 1
        if cleared % _CLEARED_AT_ONCE == 0:
            await asyncio.sleep(0)
