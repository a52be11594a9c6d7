"""An end to queries whose clients have given up."""

from __future__ import annotations

import asyncio

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, silence
from resolver.chain.setup import Host


class Cancel(Plugin):
    """Ends what is under way for a query after ``timeout`` seconds; its client has left by then and gets no answer."""

    name = "cancel"
    transparent = True

    def __init__(self, timeout: float, host: Host) -> None:
        self.timeout = timeout
        self._ended = host.registry.counter(
            "coredns_cancel_requests_total", "Queries that were given up because they took too long."
        ).cell()

    async def resolve(self, query: Query, next: Handler) -> Reply:
        task = asyncio.ensure_future(next(query))
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self.timeout, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            self._ended.value += 1
            return silence(query, self.name)
        finally:
            timer.cancel()
