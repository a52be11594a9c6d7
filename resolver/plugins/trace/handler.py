"""The plugin: which queries are traced, and the spans of their way through the chain."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property, partial
from typing import ClassVar, Final

from resolver import __version__
from resolver.chain.capabilities import Exchange
from resolver.chain.contacts import Contact, at_url
from resolver.chain.link import link
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import DATAGRAMS, Query, parse
from resolver.chain.reply import Reply
from resolver.chain.setup import Block, Host
from resolver.errors import WireError
from resolver.plugins.trace.exporter import Exporter
from resolver.plugins.trace.metrics import Report
from resolver.plugins.trace.settings import Settings
from resolver.telemetry.spans import CLIENT, INTERNAL, SERVER, Service, Span
from resolver.upstream.address import shown
from resolver.wire.constants import rcode_name, type_name
from resolver.wire.names import to_text

LABEL: Final = "trace/traceid"
MOST_SPANS: Final = 200  # of one trace
_ROOT: Final = "servedns"


class Journey:
    """One traced query. ``current`` is the span that encloses what happens now."""

    __slots__ = ("began", "clock_began", "current", "spans", "trace")

    def __init__(self, began: float, clock_began: float) -> None:
        self.trace = secrets.token_bytes(16)
        self.began = began
        self.clock_began = clock_began
        self.current = b""
        self.spans = 0

    def at(self, clock: float) -> int:
        """A moment of the host's clock in nanoseconds since 1970."""
        return int((self.began + clock - self.clock_began) * 1e9)

    def span(self, name: str, kind: int, clock: float) -> Span:
        """A new span within the current one."""
        self.spans += 1
        return Span(self.trace, secrets.token_bytes(8), self.current, name, kind, self.at(clock))


class Trace(Plugin):
    """Queries that are not traced go the usual way; those that are go through plugins with a span around each."""

    name: ClassVar[str] = "trace"
    transparent: ClassVar[bool] = True

    def __init__(self, settings: Settings, host: Host, block: Block) -> None:
        self.settings = settings
        self._host = host
        self._block = block
        self._log = host.log.named(self.name)
        self._journeys: dict[str, Journey] = {}
        self._queries = 0
        self._exporter: Exporter | None = None
        self._observers = (self.replayed,)

    def contacts(self) -> Iterable[Contact]:
        return (at_url(self.settings.url, "trace: the collector"),)

    async def start(self) -> None:
        """Begin to send spans."""
        if self.settings.client_server:
            self._log.warning("client_server has no effect: no client hands its own trace over")
        service = Service(self.settings.service, __version__, socket.gethostname())
        report = Report(self._host.registry, self.settings.url, self._log, asyncio.get_running_loop())
        self._exporter = Exporter(self.settings, service, report)
        self._exporter.start()

    async def stop(self) -> None:
        """Send what waits."""
        exporter, self._exporter = self._exporter, None
        if exporter is not None:
            await asyncio.to_thread(exporter.stop)

    async def resolve(self, query: Query, next: Handler) -> Reply:
        journey = self._journey(query)
        if journey is not None:  # asked by the server itself on behalf of a traced query
            return await self._traced(query)
        if query.depth or not self._is_due():
            reply = await next(query)
        else:
            reply = await self._begin(query)
        leave = reply.replay
        if leave is None or not self.settings.every:
            return reply
        return replace(reply, replay=replace(leave, observers=(*leave.observers, *self._observers)))

    def replayed(
        self, packet: bytes, client: tuple[str, int], local: tuple[str, int], transport: str, octets: bytes
    ) -> None:
        """A query was answered by replay: that takes no time, and if it is its turn it is told all the same."""
        if not self._is_due():
            return
        now = self._host.clock()
        try:
            query = parse(packet, client, local, transport, now)
        except WireError:
            return
        span = Journey(self._host.log.clock(), now).span(_ROOT, SERVER, now)
        span.tags = _tags(query, octets[3] & 15) | {"coredns.io/replayed": "true"}
        span.ended = span.began + 1000
        self._put(span)

    def exchanged(self, query: Query, exchange: Exchange) -> None:
        """A traced query led to a question to an upstream."""
        journey = self._journey(query)
        if journey is None or journey.spans >= MOST_SPANS:
            return
        span = journey.span("connect", CLIENT, exchange.asked)
        span.ended = journey.at(self._host.clock())
        span.tags = {"peer.address": shown(exchange.upstream), "coredns.io/proto": exchange.transport}
        span.error = "" if exchange.answer else "no answer"
        self._put(span)

    # --- traced queries

    @cached_property
    def _traced(self) -> Handler:
        """The rest of the chain with a span around each plugin."""
        plugins = [part for part in self._block.parts if isinstance(part, Plugin)]
        behind = plugins[plugins.index(self) + 1 :]
        return link(behind, lambda name, step: partial(self._step, name, step))

    def _is_due(self) -> bool:
        self._queries += 1
        return bool(self.settings.every) and self._queries % self.settings.every == 0

    def _journey(self, query: Query) -> Journey | None:
        if query.metadata is None or not self._journeys:
            return None
        return self._journeys.get(query.metadata.get(LABEL, ""))

    async def _begin(self, query: Query) -> Reply:
        now = self._host.clock()
        journey = Journey(self._host.log.clock(), now)
        label = journey.trace.hex()
        if query.metadata is None:
            query = query.derive(metadata={})
        labels = query.metadata if query.metadata is not None else {}
        labels[LABEL] = label
        self._journeys[label] = journey
        span = journey.span(_ROOT, SERVER, query.received or now)
        journey.current = span.id
        try:
            reply = await self._traced(query)
            span.tags = _tags(query, reply.rcode)
            span.error = reply.error
            return reply
        except BaseException as error:
            span.tags = _tags(query, 2)
            span.error = str(error) or type(error).__name__
            raise
        finally:
            del self._journeys[label]
            span.ended = journey.at(self._host.clock())
            self._put(span)

    async def _step(self, name: str, step: Handler, query: Query) -> Reply:
        journey = self._journey(query)
        if journey is None or journey.spans >= MOST_SPANS:
            return await step(query)
        span = journey.span(name, INTERNAL, self._host.clock())
        above, journey.current = journey.current, span.id
        try:
            reply = await step(query)
            span.error = reply.error
            return reply
        except BaseException as error:
            span.error = str(error) or type(error).__name__
            raise
        finally:
            journey.current = above
            span.ended = journey.at(self._host.clock())
            self._put(span)

    def _put(self, span: Span) -> None:
        if self._exporter is not None:
            self._exporter.put(span)


def _tags(query: Query, rcode: int) -> dict[str, str]:
    return {
        "coredns.io/name": to_text(query.name),
        "coredns.io/type": type_name(query.qtype),
        "coredns.io/proto": "udp" if query.transport in DATAGRAMS else "tcp",
        "coredns.io/remote": query.client[0],
        "coredns.io/rcode": rcode_name(rcode),
    }
