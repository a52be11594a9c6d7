"""Counting what passes, and the /metrics endpoint."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from resolver.chain.capabilities import HttpAnswer, HttpEndpoint, HttpRequest
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.chain.setup import Block, Host
from resolver.plugins.prometheus.settings import Settings
from resolver.plugins.prometheus.shown import enabled_plugins, shown_by
from resolver.telemetry.exposition import render
from resolver.telemetry.metrics import Registry
from resolver.telemetry.snapshot import Snapshot, families
from resolver.telemetry.traffic import Tally, Traffic
from resolver.wire.constants import HEADER_SIZE, SERVFAIL

_OPT_SIZE = 11


class Prometheus(Plugin):
    """Counts the requests and responses of one server block, replayed ones included."""

    name = "prometheus"
    transparent = True  # replays are counted by what is left in the reply
    sees_notify = True

    def __init__(self, settings: Settings, block: Block, host: Host) -> None:
        self.settings = settings
        self._block = block
        self._host = host
        self._clock = host.clock
        self._tally = Traffic(host.registry).tally
        enabled_plugins(host.registry)
        host.registry.counter("coredns_panics_total", "Queries whose handling ended in an unforeseen error.")

    async def resolve(self, query: Query, next: Handler) -> Reply:
        begun = self._clock()
        try:
            reply = await next(query)
            size = _size(query, reply)
        except Exception:
            self._tally_of(query, SERVFAIL, "", HEADER_SIZE + len(query.question)).one(self._clock() - begun)
            raise
        tally = self._tally_of(query, reply.rcode, reply.source, size)
        tally.one(self._clock() - begun)
        return reply if reply.replay is None else reply.counted(tally.replays)

    async def start(self) -> None:
        """Begin to show the process and the plugins of the block."""
        shown_by(self._host.registry).join(self, self._host.registry)

    async def stop(self) -> None:
        """The plugins of the block are not in use any more; what was counted stays."""
        shown_by(self._host.registry).leave(self, self._host.registry)

    def endpoints(self) -> Sequence[HttpEndpoint]:
        """/metrics at the directive's address; blocks that name the same one share it."""
        host, port = self.settings.address
        return [HttpEndpoint(host, port, "/metrics", self._scrape, self.settings.tls)]

    async def _scrape(self, request: HttpRequest) -> HttpAnswer:
        """All metrics, written aside from the event loop: queries go on being answered meanwhile."""
        everywhere = self._host.scrape
        now = await everywhere() if everywhere else await _gathered(self._host.registry)
        loop = asyncio.get_running_loop()
        media_type, body = await loop.run_in_executor(None, render, now, request.accept)
        return HttpAnswer(200, media_type, body)

    def _tally_of(self, query: Query, rcode: int, plugin: str, size: int) -> Tally:
        edns = query.edns
        ipv6, do = ":" in query.client[0], edns is not None and edns.do
        return self._tally((query.site, query.transport, ipv6, query.qtype, do, rcode, plugin, query.size, size))

    @property
    def detailed(self) -> bool:
        """Whether figures of Python and the kernel are wanted."""
        return self.settings.runtime_metrics

    def plugins(self) -> list[tuple[str, ...]]:
        """Server, zone, view and name of each plugin of the block."""
        names = [part.name for part in self._block.parts if isinstance(part, Plugin)]
        return [(*site, name) for site in self._block.sites for name in names]


async def _gathered(registry: Registry) -> Snapshot:
    """The figures of this process, with turns for others in between."""
    now = []
    for family in families(registry):
        now.append(family)
        await asyncio.sleep(0)
    return now


def _size(query: Query, reply: Reply) -> int:
    """Octets of the message as it leaves; where it has to be cut it counts as what the client can take."""
    size = HEADER_SIZE + len(query.qname) + 4 + len(reply.body.data)
    if query.edns is not None:
        size += _OPT_SIZE + len(reply.options)
    return min(size, query.reply_limit)
