"""Answers from the table, and keeping the table like the file."""

from __future__ import annotations

import asyncio
import math

from resolver.chain.changed import Content, Stamp, read_changed
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Host
from resolver.plugins.hosts.metrics import Metrics
from resolver.plugins.hosts.settings import Settings
from resolver.plugins.hosts.table import Table, read_table
from resolver.wire.constants import AA, AAAA, PTR, A
from resolver.wire.names import ROOT, is_below
from resolver.wire.records import EMPTY_BODY, Body

MAX_OCTETS = 32 << 20


class Hosts(Plugin):
    """Serves A, AAAA and PTR; what it answers may be replayed until the file changes."""

    name = "hosts"
    transparent = True  # what it passes on is none of its business

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self.host = host
        self.log = host.log.named(self.name)
        self.table = self._read(())
        self._metrics: Metrics | None = None
        self._stamp: Stamp | None = None
        self._missing = ""
        self._tags = (object(),)
        self._watching: asyncio.Task[None] | None = None

    async def resolve(self, query: Query, next: Handler) -> Reply:
        name, qtype = query.name, query.qtype
        if qtype == PTR:
            body = self.table.names(name)
            return await next(query) if body is None else self._answer(query, body)
        settings = self.settings
        if not _is_within(name, settings.zones):
            return await next(query)
        if query.trail is not None and not query.depth:
            query.trail.made_from = self.table.wildcard_of(name)
        if qtype in (A, AAAA):
            body = self.table.addresses(name, qtype)
            if body is not None:
                return self._answer(query, body)
        elif settings.fallthrough_unsupported and _is_within(name, settings.fallthrough):
            return await next(query)
        if self.table.knows(name):
            return self._answer(query, EMPTY_BODY)
        if _is_within(name, settings.fallthrough):
            return await next(query)
        return failure(query, "")  # without a SOA there can be no NXDOMAIN

    async def start(self) -> None:
        """Read the file; one that cannot be read is worth a warning and no more."""
        self._metrics = Metrics(self.host.registry, self.settings.path)
        self._metrics.loaded(self.table.entries, None)
        await self._refresh()
        if self.settings.reload:
            self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if self._metrics is not None:
            self._metrics.loaded(0, None)

    def _answer(self, query: Query, body: Body) -> Reply:
        leave = Replay(math.inf, tags=self._tags)
        return Reply(query.question, 0, AA, b"", self.name, leave, "", "", body)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.settings.reload)
            await self._refresh()

    async def _refresh(self) -> None:
        """Take over what the file says now; entries of a file that went missing stay until it is back."""
        try:
            found = await asyncio.to_thread(self._read_changed)
        except OSError as error:
            self._warn_missing(error.strerror or str(error))
            return
        self._missing = ""
        if found is None:
            return
        content, table = found
        self.table, self._stamp = table, content.stamp
        self.host.withdraw(self._tags[0])
        if self._metrics is not None:
            self._metrics.loaded(table.entries, content.changed)
        self._tell(content, table)

    def _read_changed(self) -> tuple[Content, Table] | None:
        content = read_changed(self.settings.path, self._stamp, MAX_OCTETS)
        return None if content is None else (content, self._read(content.lines))

    def _read(self, lines: list[bytes] | tuple[bytes, ...]) -> Table:
        settings = self.settings
        return read_table((*lines, *settings.inline), settings.zones, settings.ttl, reverse=settings.reverse)

    def _warn_missing(self, reason: str) -> None:
        if reason != self._missing:  # once, not at each look
            self._missing = reason
            self.log.warning(f"cannot read {self.settings.path}: {reason}")

    def _tell(self, content: Content, table: Table) -> None:
        path = self.settings.path
        self.log.debug(f"{path} has {table.entries} entries")
        if content.cut:
            self.log.warning(f"{path} is longer than {MAX_OCTETS >> 20} MiB; what is behind that is left out")
        if table.rejected:
            where = f"{table.rejected}, the first is line {table.first_rejected}"
            self.log.warning(f"{path} has lines that are not an address and names: {where}")
        if table.cut:
            self.log.warning(f"{path} has more entries for a name or address than fit an answer: {table.cut} left out")


def _is_within(name: bytes, zones: tuple[bytes, ...]) -> bool:
    return any(zone == ROOT or is_below(name, zone) for zone in zones)
