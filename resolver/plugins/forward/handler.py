"""The plugin: chooses the line, turns what it found into a reply."""

from __future__ import annotations

import asyncio
from asyncio import AbstractEventLoop
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import pairwise
from typing import ClassVar, Final

from resolver.chain.capabilities import Tapping, offering
from resolver.chain.contacts import Contact
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_message
from resolver.chain.setup import Block, Host
from resolver.errors import UpstreamError, WireError
from resolver.plugins.forward.contacts import contacts_of
from resolver.plugins.forward.line import HOP_BY_HOP, Failure, Found, WorkingLine
from resolver.plugins.forward.router import NOWHERE, Router
from resolver.plugins.forward.settings import Line
from resolver.plugins.forward.shared import Shared, join, leave
from resolver.upstream.address import Address
from resolver.upstream.lookup import Lookup
from resolver.upstream.refresh import Known, Refresher, fixed
from resolver.wire.constants import EDE_INVALID_DATA
from resolver.wire.edns import without_options

AT_ONCE: Final = 256  # lines that are started or stopped before others get their turn
LINGER: Final = 5.0  # seconds for queries under way to upstreams that are no longer listed


class Forward(Plugin):
    """All ``forward`` lines of a server block."""

    name: ClassVar[str] = "forward"
    transparent: ClassVar[bool] = True
    other_classes: ClassVar[bool] = True

    def __init__(self, settings: Sequence[Line], host: Host, block: Block | None = None) -> None:
        self._settings = settings
        self._block = block
        self._host = host
        self._log = host.log.named(self.name)
        self.lines: list[WorkingLine] = []
        self._shared: Shared | None = None
        self._refreshers: list[Refresher] = []
        self._following: list[asyncio.Task[None]] = []
        self._known: Known = {}
        self._router: Router[WorkingLine] = NOWHERE

    def contacts(self) -> Iterable[Contact]:
        return contacts_of(self._settings)

    async def start(self) -> None:
        """Begin to forward. Raises UpstreamError when the upstreams of a line cannot be found."""
        self._shared = join(self._host, asyncio.get_running_loop())
        for number, settings in enumerate(self._settings, 1):
            for warning in settings.warnings:
                self._log.warning(warning)
            await self._start_line(settings, self._shared)
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        longest = any(settings.longest for settings in self._settings)
        self._router = Router([(line.settings, line) for line in self.lines], longest=longest)

    async def stop(self) -> None:
        """Close the sockets that nobody else uses."""
        for task in self._following:
            task.cancel()
        for number, line in enumerate(self.lines, 1):
            line.use(())
            if number % AT_ONCE == 0:
                await asyncio.sleep(0)
        if self._shared is not None:
            leave(self._host, self._shared)
            self._shared = None

    def succeed(self, previous: Forward) -> None:
        """Keep the last known addresses of names."""
        for refresher in previous._refreshers:
            self._known = {**self._known, **refresher.known}

    async def resolve(self, query: Query, next: Handler) -> Reply:
        """Ask the upstreams of the lines that take the name; pass on where none does."""
        lines = self._router.lines(query.name)
        if not lines:
            return await next(query)
        found = await lines[0].find(query)
        if len(lines) > 1:
            for line, following in pairwise(lines):
                if not line.passes_on(found):
                    break
                found = await following.find(query)
        return self._reply(query, found)

    async def _start_line(self, settings: Line, shared: Shared) -> None:
        taps = tuple(offering(self._block.parts, Tapping)) if self._block is not None else ()
        line = WorkingLine(settings, self._host, shared, taps)
        addresses = fixed(settings.targets)
        if addresses is None:
            addresses = await self._follow(settings, line, shared.loop)
        line.use(addresses)
        self.lines.append(line)

    async def _follow(self, settings: Line, line: WorkingLine, loop: AbstractEventLoop) -> list[Address]:
        """The addresses of targets that may move, for now; the line is told of others."""
        lookup = Lookup(loop, self._host.clock, settings.resolvers)
        refresher = Refresher(settings.targets, lookup.addresses, self._host.clock, self._log.warning)
        await refresher.find(self._known)
        self._refreshers.append(refresher)
        self._following.append(loop.create_task(refresher.follow(partial(self._moved, line))))
        return refresher.addresses()

    def _moved(self, line: WorkingLine, addresses: list[Address]) -> None:
        try:
            line.use(addresses, linger=LINGER)
        except UpstreamError as error:
            self._log.warning(f"upstreams stay as they are: {error}")
        else:
            self._log.info(f"upstreams have changed to {', '.join(map(str, addresses))}")

    def _reply(self, query: Query, found: Found) -> Reply:
        if isinstance(found, Failure):
            return failure(query, "", found.rcode, ede=found.ede, text=found.text, error=found.error)
        if query.metadata is not None:
            query.metadata["forward/upstream"] = found.upstream
        try:
            reply = from_message(query, found.message, self.name, found.upstream)
        except WireError as error:
            text = f"answer of {found.upstream} cannot be read: {error}"
            return failure(query, "", ede=EDE_INVALID_DATA, text="the upstream's answer is broken", error=text)
        if reply.options:
            reply.options = without_options(reply.options, HOP_BY_HOP)
        return reply
