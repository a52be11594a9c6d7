"""Counting returning questions, and what follows from a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import NOWHERE, Query
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Block, Host
from resolver.plugins.loop.probe import LONGEST_ZONE, Prober, Timing, Verdict, pace_of
from resolver.plugins.loop.settings import Settings
from resolver.wire.constants import EDE_NOT_READY, HINFO, SERVFAIL
from resolver.wire.names import is_below, to_text


class Loop(Plugin):
    """Looks for a loop when the server starts, and while it runs if told to."""

    name = "loop"
    transparent = True  # questions with random names are no repeats

    def __init__(self, settings: Settings, block: Block, host: Host, timing: Timing = Timing()) -> None:  # noqa: B008
        self.settings = settings
        self.block = block
        self.host = host
        self.log = host.log.named(self.name)
        self.timing = timing
        self.zone = block.zones[0] if block.zones else b"\0"
        self.looped = False
        self.prober = Prober(self.zone, self._ask, host.clock, timing)
        self._running: asyncio.Task[None] | None = None

    def resolve(self, query: Query, next: Handler) -> Coroutine[Any, Any, Reply]:
        """Not a coroutine of its own: nearly all queries only pass, and that costs nothing."""
        if query.qtype == HINFO and query.name in self.prober.names:
            if query.transport != "internal":
                self.prober.came_back(query)
        elif self.looped and is_below(query.name, self.zone):
            return self._refuse(query)
        return next(query)

    async def _refuse(self, query: Query) -> Reply:
        return failure(query, self.name, SERVFAIL, ede=EDE_NOT_READY, text="forwarding loop")

    async def start(self) -> None:
        """Begin to ask, in the background: the listeners are not open yet."""
        if len(self.zone) > LONGEST_ZONE:
            self.log.warning(f"{to_text(self.zone)} is too long a name for a question below it")
            return
        self._running = asyncio.create_task(self._run(pace_of(self.host.registry).wait(self.host.clock())))

    async def stop(self) -> None:
        if self._running is not None:
            self._running.cancel()
            self._running = None
        self.prober.stop()
        if self.looped:
            self._resume()

    async def _run(self, wait: float) -> None:
        if wait:
            await asyncio.sleep(wait)
        verdict = await self.prober.round(self.timing.first_round)
        self._judge(verdict, ends=self.settings.exit_at_start)
        while self.settings.watch:
            await asyncio.sleep(self.settings.watch)
            verdict = await self.prober.round(self.timing.later_round)
            self._judge(verdict, ends=self.settings.exit_later)

    def _judge(self, verdict: Verdict, *, ends: bool) -> None:
        if verdict is Verdict.LOOP:
            reason = self._reason()
            if ends:
                self.host.fail(f"plugin/{self.name}: {reason}")
                return
            if not self.looped:
                self.log.error(f"{reason}; queries for the zone get SERVFAIL until it is gone")
            self.looped = True
            self.host.suspend(self._who, reason)
        elif verdict is Verdict.CLEAR and self.looped:
            self.log.info(f"the loop for zone {to_text(self.zone)} is gone")
            self._resume()
        elif verdict is Verdict.SILENT:
            self.log.debug(f"nobody answers for zone {to_text(self.zone)}, so a loop cannot be ruled out")

    def _resume(self) -> None:
        self.looped = False
        self.host.suspend(self._who, "")

    def _reason(self) -> str:
        query = self.prober.returned[-1]
        host, port = query.client[0], query.client[1]
        client = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        server = query.site.server.partition("://")[2]
        return (
            f'Loop ({client} -> {server}) detected for zone "{to_text(self.zone)}", see Troubleshooting on the page of '
            f'the loop directive. Query: "HINFO {to_text(query.name)}"'
        )

    @property
    def _who(self) -> str:
        site = self.block.sites[0] if self.block.sites else NOWHERE
        return f"{self.name} {to_text(self.zone)} {site.server}".rstrip()

    async def _ask(self, name: bytes) -> Reply:
        """Put the question to the chain of the server block, as if a client had."""
        site = self.block.sites[0] if self.block.sites else NOWHERE
        query = Query(name, HINFO, received=self.host.clock(), site=site)
        return await self.block.resolve(query)
