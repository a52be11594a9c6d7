"""The plugin: chooses the line, turns what it found into a reply."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from typing import ClassVar, Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_message
from resolver.chain.setup import Host
from resolver.errors import UpstreamError, WireError
from resolver.plugins.forward.line import HOP_BY_HOP, Failure, Found, WorkingLine
from resolver.plugins.forward.metrics import Metrics
from resolver.plugins.forward.router import Router
from resolver.plugins.forward.settings import Line
from resolver.upstream.address import Address
from resolver.upstream.lookup import Lookup
from resolver.upstream.pool import Pool
from resolver.upstream.refresh import Refresher
from resolver.upstream.targets import Target
from resolver.wire.constants import EDE_INVALID_DATA
from resolver.wire.edns import without_options

LINGER: Final = 5.0  # seconds for queries under way to upstreams that are no longer listed


class Forward(Plugin):
    """All ``forward`` lines of a server block."""

    name: ClassVar[str] = "forward"
    transparent: ClassVar[bool] = True
    other_classes: ClassVar[bool] = True

    def __init__(self, settings: Sequence[Line], host: Host) -> None:
        self._settings = settings
        self._host = host
        self._log = host.log.named(self.name)
        self.lines: list[WorkingLine] = []
        self._refreshers: list[Refresher] = []
        self._following: list[asyncio.Task[None]] = []
        self._pool: Pool | None = None
        self._known: dict[Target, tuple[Address, ...]] = {}
        self._router: Router[WorkingLine] = Router([], longest=False)
        self._end_refresh: Callable[[], None] = lambda: None

    async def start(self) -> None:
        """Begin to forward. Raises UpstreamError when the upstreams of a line cannot be found."""
        metrics = Metrics(self._host.registry)
        self._end_refresh = self._host.registry.before_read(metrics.refresh_old)
        for settings in self._settings:
            for warning in settings.warnings:
                self._log.warning(warning)
            await self._start_line(settings, metrics)
        longest = any(settings.longest for settings in self._settings)
        self._router = Router([(line.settings, line) for line in self.lines], longest=longest)

    async def stop(self) -> None:
        """Close the sockets that nobody else uses."""
        self._end_refresh()
        for task in self._following:
            task.cancel()
        for line in self.lines:
            line.use(())

    def succeed(self, previous: Forward) -> None:
        """Keep connections and health of the upstreams that stay, and the last known addresses of names."""
        self._pool = previous._pool
        for refresher in previous._refreshers:
            self._known |= refresher.known

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

    async def _start_line(self, settings: Line, metrics: Metrics) -> None:
        loop, clock = asyncio.get_running_loop(), self._host.clock
        if self._pool is None:
            self._pool = Pool(loop, clock, metrics.counts)
        line = WorkingLine(settings, self._host, metrics, loop, self._pool)
        lookup = Lookup(loop, clock, settings.resolvers)
        refresher = Refresher(settings.targets, lookup.addresses, clock, self._log.warning)
        await refresher.find(self._known)
        line.use(refresher.addresses())
        self.lines.append(line)
        self._refreshers.append(refresher)
        if refresher.moves:
            self._following.append(loop.create_task(refresher.follow(partial(self._moved, line))))

    def _moved(self, line: WorkingLine, addresses: list[Address]) -> None:
        try:
            line.use(addresses, linger=LINGER)
        except UpstreamError as error:
            self._log.warning(f"upstreams stay as they are: {error}")
        else:
            self._log.info(f"upstreams have changed to {', '.join(map(str, addresses))}")

    def _reply(self, query: Query, found: Found) -> Reply:
        if isinstance(found, Failure):
            return failure(query, self.name, found.rcode, ede=found.ede, text=found.text, error=found.error)
        if query.metadata is not None:
            query.metadata["forward/upstream"] = found.upstream
        try:
            reply = from_message(query, found.message, self.name, found.upstream)
        except WireError as error:
            text = f"answer of {found.upstream} cannot be read: {error}"
            return failure(query, self.name, ede=EDE_INVALID_DATA, text="the upstream's answer is broken", error=text)
        if reply.options:
            reply.options = without_options(reply.options, HOP_BY_HOP)
        return reply
