"""Asking below: for a client that waits, or behind the back of clients."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.plugins.cache.contents import Contents
from resolver.plugins.cache.entry import Head
from resolver.plugins.cache.keeper import Keeper, Taken
from resolver.plugins.cache.metrics import Meters
from resolver.plugins.cache.refresh import Refreshes
from resolver.plugins.cache.subnet import subnet_alone
from resolver.wire.constants import AD, RD
from resolver.wire.edns import Edns


class Asked(NamedTuple):
    """A query on its way through the cache: what is below, under which key it is kept, where it is counted."""

    query: Query
    next: Handler
    key: bytes
    meters: Meters


class Fetcher:
    """Gets answers from below and hands them to the keeper."""

    __slots__ = ("_keeper", "clock", "contents", "refreshes")

    def __init__(
        self, clock: Callable[[], float], contents: Contents, keeper: Keeper, refreshes: Refreshes[Taken]
    ) -> None:
        self.clock = clock
        self.contents = contents
        self.refreshes = refreshes
        self._keeper = keeper

    async def fetch(self, asked: Asked, replaced: Head | None = None) -> Taken:
        """Ask for a client. AD is set in the question, so that the answer can be kept for those who want to know."""
        query = asked.query
        reply = await asked.next(query if query.flags & AD else query.with_flags(query.flags | AD))
        return self._keeper.take(query, reply, asked.key, self.clock(), asked.meters, replaced)

    def paused_until(self, key: bytes, now: float) -> float | None:
        """When the answer may be refreshed again, None where no refresh failed lately."""
        return self.contents.paused_until(key, now)

    def may_refresh(self, key: bytes, now: float) -> bool:
        """Whether a refresh may begin: none is under way, and none failed lately."""
        return self.refreshes.get(key) is None and self.contents.paused_until(key, now) is None

    def refresh(self, asked: Asked, replaced: Head, failed: Callable[[], None]) -> asyncio.Task[Taken | None] | None:
        """Ask behind the back of clients; the task gives None, and ``failed`` is called, where that fails.

        None where too many refreshes are under way.
        """
        asked = asked._replace(query=_as_server(asked.query))
        return self.refreshes.start(asked.key, partial(self._fetch_behind, asked, replaced, failed))

    async def _fetch_behind(self, asked: Asked, replaced: Head, failed: Callable[[], None]) -> Taken | None:
        accepted = False
        try:
            taken = await self.fetch(asked, replaced)
            accepted = taken.accepted
        finally:
            if not accepted:
                failed()
        return taken if accepted else None


def _as_server(query: Query) -> Query:
    """The question as the server asks it for itself: to be resolved, without a client's size limit.

    Of the client's options the subnet stays, because the answer is for it.
    """
    edns = query.edns
    return query.derive(
        flags=query.flags | AD | RD,
        edns=None if edns is None else Edns(edns.size, edns.do, options=subnet_alone(edns.options)),
        transport="internal",
        metadata=None if query.metadata is None else dict(query.metadata),
    )
