"""Serving answers whose time is over (RFC 8767)."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import NamedTuple

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply
from resolver.errors import ResolverError
from resolver.plugins.cache.entry import Head, head_of
from resolver.plugins.cache.fetch import Asked, Fetcher
from resolver.plugins.cache.keeper import Taken
from resolver.plugins.cache.refresh import wait_for
from resolver.plugins.cache.replies import fresh_reply, may_see_ad, stale_reply
from resolver.plugins.cache.settings import Stale
from resolver.wire.constants import AD


class Found(NamedTuple):
    """An entry that may be served, on which shelf it is, and whether its time is over."""

    entry: bytes
    head: Head
    is_success: bool
    is_stale: bool


class StaleServing:
    """Serves stale answers at once and refreshes them behind the client's back, or asks below first."""

    def __init__(self, settings: Stale, fetcher: Fetcher) -> None:
        self.settings = settings
        self._fetcher = fetcher
        self._verifying: set[bytes] = set()

    def usable(self, entry: bytes, needed: int, now: float, *, is_success: bool) -> Found | None:
        """The entry, unless it expired too long ago or lacks a flag that is needed."""
        head = head_of(entry)
        if now - head.stored >= head.life + self.settings.window or head.flags & needed != needed:
            return None
        return Found(entry, head, is_success, is_stale=True)

    async def serve(self, asked: Asked, found: Found, now: float) -> Reply:
        """The stale answer, or in verify mode a new one if there is one in time."""
        if self.settings.verify:
            reply = await self._verified(asked, found, now)
            if reply is not None:
                if asked.query.trail is not None:
                    asked.query.trail.cached("miss")
                return reply
            now = self._fetcher.clock()
        elif self._fetcher.may_refresh(asked.key, now):
            asked.meters.prefetches.value += 1
            self._refresh(asked, found)
        return self._stale(asked, found, now)

    def _stale(self, asked: Asked, found: Found, now: float) -> Reply:
        """The stale answer. It may be replayed while nothing is under way that could bring a better one."""
        meters, head = asked.meters, found.head
        meters.stale.value += 1
        if asked.query.trail is not None:
            asked.query.trail.cached("stale")
        replay = None
        paused = self._fetcher.paused_until(asked.key, now)
        if paused is not None:
            counts = meters.stale_success if found.is_success else meters.stale_denial
            replay = Replay(min(paused, head.stored + head.life + self.settings.window), None, (), counts)
        return stale_reply(asked.query, found.entry, head, self.settings.ttl, replay)

    async def _verified(self, asked: Asked, found: Found, now: float) -> Reply | None:
        """The answer from below, None where the stale one has to do."""
        key, stale = asked.key, self.settings
        running = self._fetcher.refreshes.get(key)
        if self._fetcher.paused_until(key, now) is not None:
            return None
        if stale.recheck and (running is not None or key in self._verifying):
            return None
        if not stale.verify_timeout:
            return await self._verified_in_front(asked, found)
        task = running or self._refresh(asked, found)
        if task is None:
            return None
        await wait_for(task, stale.verify_timeout)
        taken = task.result() if task.done() and not task.cancelled() else None
        return None if taken is None else _for(asked.query, taken)

    async def _verified_in_front(self, asked: Asked, found: Found) -> Reply | None:
        """As ``_verified`` without a time-out of ours: the client waits for as long as the upstreams may take."""
        accepted = False
        self._verifying.add(asked.key)
        try:
            taken = await self._fetcher.fetch(asked, found.head)
            accepted = taken.accepted
        except ResolverError:
            return None
        finally:
            self._verifying.discard(asked.key)
            if not accepted:
                self._failed(asked.key)
        return taken.reply if accepted else None

    def _refresh(self, asked: Asked, found: Found) -> asyncio.Task[Taken | None] | None:
        return self._fetcher.refresh(asked, found.head, partial(self._failed, asked.key))

    def _failed(self, key: bytes) -> None:
        if self.settings.recheck:
            self._fetcher.contents.pause(key, self._fetcher.clock() + self.settings.recheck)


def _for(query: Query, taken: Taken) -> Reply:
    """What was fetched behind the back of clients, for one of them."""
    if taken.entry is not None:
        head = head_of(taken.entry)
        return fresh_reply(query, taken.entry, head, head.shown, None)
    reply = taken.reply
    flags = reply.flags if may_see_ad(query) else reply.flags & ~AD
    return Reply(query.question, reply.rcode, flags, source="cache", upstream=reply.upstream, octets=reply.body)
