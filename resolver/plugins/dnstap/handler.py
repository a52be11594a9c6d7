"""The plugin: what each tap is told of queries, answers and exchanges with upstreams."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from resolver import __version__
from resolver.chain.capabilities import Exchange
from resolver.chain.contacts import TCP, Caller, Contact
from resolver.chain.finish import finish
from resolver.chain.placeholders import Event
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Host
from resolver.plugins.dnstap.incoming import Incoming
from resolver.plugins.dnstap.outgoing import Outgoing
from resolver.plugins.dnstap.settings import Settings
from resolver.telemetry import dnstap
from resolver.telemetry.framestream import data_frame


class Tap:
    """One ``dnstap`` line."""

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        log = host.log.named(Dnstap.name)
        identity = settings.identity if settings.identity is not None else socket.gethostname().encode()
        version = settings.version if settings.version is not None else f"k8s-resolver-{__version__}".encode()
        self.full = settings.full
        self._envelope = dnstap.Envelope(identity, version)
        self._extra = settings.extra
        self.varies = settings.extra is not None and settings.extra.varies
        self._constant = b"" if settings.extra is None or self.varies else settings.extra.template.encode()
        self.outlet: Outgoing | Incoming = (
            Incoming(settings, host.registry, log)
            if settings.listen
            else Outgoing(settings, host.registry, log, host.chance)
        )

    def tell(self, message: bytes, query: Query | None = None) -> None:
        """Send a message; ``query`` is what the text of ``extra`` may tell of."""
        extra = self._constant
        if self.varies and query is not None and self._extra is not None:
            extra = self._extra.fill(Event(query)).encode()
        self.outlet.put(data_frame(self._envelope.wrap(message, extra)))


class Dnstap(Plugin):
    """Sees every query of a client; repeats that are replayed are told of by whoever replays them."""

    name: ClassVar[str] = "dnstap"
    transparent: ClassVar[bool] = True

    def __init__(self, settings: tuple[Settings, ...], host: Host) -> None:
        self.taps = [Tap(one, host) for one in settings]
        self._host = host
        self._varies = any(tap.varies for tap in self.taps)
        self._observers = (self.replayed,)

    def contacts(self) -> Iterator[Contact]:
        for tap in self.taps:
            endpoint = tap.settings.endpoint
            if endpoint.host and not tap.settings.listen:
                yield Contact(endpoint.host, endpoint.port, TCP, "dnstap: the collector")

    def callers(self) -> Iterator[Caller]:
        for tap in self.taps:
            endpoint = tap.settings.endpoint
            if tap.settings.listen and endpoint.port:
                yield Caller("", f"dnstap: collectors, at {endpoint.shown}", endpoint.host, endpoint.port)

    async def start(self) -> None:
        """Open what is to be opened. Raises ResolverError."""
        log = self._host.log.named(self.name)
        for tap in self.taps:
            for warning in tap.settings.warnings:
                log.warning(warning)
            await tap.outlet.start()

    async def stop(self) -> None:
        """Send what waits, and close."""
        for tap in self.taps:
            await tap.outlet.stop()

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.depth:  # what the server asks itself was sent by no client
            return await next(query)
        asked = self._when(query.received)
        ends = dnstap.sockets(query.transport, query.client, query.local)
        for tap in self._wanted():
            part = dnstap.query_part(asked, query.wire(query.id) if tap.full else b"")
            tap.tell(dnstap.message(dnstap.CLIENT_QUERY, ends, part), query)
        try:
            reply = await next(query)
        except Exception:
            self._answered(query, failure(query, self.name), ends, asked)
            raise
        if not reply.silent:
            self._answered(query, reply, ends, asked)
        leave = reply.replay
        if leave is None:
            return reply
        observed = None if self._varies else replace(leave, observers=(*leave.observers, *self._observers))
        return replace(reply, replay=observed)

    def replayed(
        self, packet: bytes, client: tuple[str, int], local: tuple[str, int], transport: str, octets: bytes
    ) -> None:
        """Tell of a query that was answered without the chain."""
        now = self._host.log.clock()
        ends = dnstap.sockets(transport, client, local)
        for tap in self._wanted():
            full = tap.full
            tap.tell(dnstap.message(dnstap.CLIENT_QUERY, ends, dnstap.query_part(now, packet if full else b"")))
            part = dnstap.response_part(now, now, octets if full else b"")
            tap.tell(dnstap.message(dnstap.CLIENT_RESPONSE, ends, part))

    def exchanged(self, query: Query, exchange: Exchange) -> None:
        """Tell of a question to an upstream, and of its answer if one came."""
        asked = self._when(exchange.asked)
        ends = dnstap.sockets(exchange.transport, ("", 0), exchange.upstream)
        answer = exchange.answer
        for tap in self._wanted():
            part = dnstap.query_part(asked, exchange.question if tap.full else b"")
            tap.tell(dnstap.message(dnstap.FORWARDER_QUERY, ends, part), query)
            if answer:
                part = dnstap.response_part(asked, self._host.log.clock(), answer if tap.full else b"")
                tap.tell(dnstap.message(dnstap.FORWARDER_RESPONSE, ends, part), query)

    def _answered(self, query: Query, reply: Reply, ends: bytes, asked: float) -> None:
        now = self._host.log.clock()
        octets = b""
        for tap in self._wanted():
            if tap.full and not octets:
                octets = finish(query, reply)
            part = dnstap.response_part(asked, now, octets if tap.full else b"")
            tap.tell(dnstap.message(dnstap.CLIENT_RESPONSE, ends, part), query)

    def _wanted(self) -> list[Tap]:
        return [tap for tap in self.taps if tap.outlet.wanted]

    def _when(self, monotonic: float) -> float:
        """A moment of the host's clock in seconds since 1970; now for one that is not known."""
        now = self._host.log.clock()
        return now - max(self._host.clock() - monotonic, 0.0) if monotonic else now
