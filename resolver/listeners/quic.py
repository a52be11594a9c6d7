"""DNS over QUIC and what else is spoken over it: one UDP socket, many connections, each with many streams (RFC 9000).

aioquic keeps the state of connections and is given datagrams and the time; sockets, timers and limits are here. The
directives of https3:// and quic:// server blocks set the limits.
"""

from __future__ import annotations

import asyncio
import socket
from collections import Counter, deque
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicErrorCode

from resolver.chain.capabilities import ListenSettings, Pem
from resolver.errors import ResolverError
from resolver.listeners.connection import Serve
from resolver.listeners.limits import NO_WAIT, Waiting
from resolver.listeners.quic_client import ANSWER, HANDSHAKE, IDLE, QuicClient
from resolver.listeners.quic_datagrams import Datagrams, Origin
from resolver.listeners.quic_gate import Arrival, Gate, closing, destination
from resolver.listeners.quic_library import configuration_of, limit_streams
from resolver.listeners.quic_metrics import QuicMetrics

READ: Final = "read"
_SHORTEST_PAUSE: Final = 0.02  # seconds between two looks at who is late
_UNPROVEN: Final = 16  # handshakes under way from which on clients have to show that they receive what we send
_OF_ONE: Final = 4  # the part of all connections that one address may have is one in so many
_FEWEST_OF_ONE: Final = 16


@dataclass(frozen=True, slots=True)
class QuicLimits:
    """``streams`` at once on a connection, ``connections``, and queries that are worked out at once (``workers``).

    0 is no limit for ``connections`` and ``workers``.
    """

    streams: int = 256
    connections: int = 200
    workers: int = 512


class QuicListener:
    """Serves one bound UDP socket, which it owns from here on.

    ``serve`` is as for TcpListener. Over the limit of connections the one that has been idle longest is closed in
    favour of the new one; where all are being answered the new one is refused. New connections have the certificate as
    it is then. Raises ResolverError for one that cannot be used.
    """

    def __init__(
        self,
        sock: socket.socket,
        settings: ListenSettings,
        serve: Serve,
        *,
        kind: type[QuicClient],
        metrics: QuicMetrics,
        batched: bool | None = None,
    ) -> None:
        self.sock = sock
        self.serve = serve
        self.settings = settings
        self.metrics = metrics
        self.kind = kind
        self.loop = asyncio.get_running_loop()
        options = {} if batched is None else {"batched": batched}
        self.datagrams = Datagrams(sock, self._received, self._read, **options)
        self.clients: set[QuicClient] = set()
        self.active = 0  # queries that are being worked out
        self._limits = limits_of(kind, settings)
        self._routes: dict[bytes, QuicClient] = {}
        self._of_address: Counter[str] = Counter()
        self._queue: deque[tuple[QuicClient, int, bytes]] = deque()
        self._waiting: Waiting[QuicClient] = Waiting(self._times())
        self._unfinished: Waiting[tuple[QuicClient, int]] = Waiting({READ: settings.read_timeout})
        self._touched: list[QuicClient] = []
        self._gate = Gate()
        self._timer: asyncio.TimerHandle | None = None
        self._empty: asyncio.Future[None] | None = None
        self._made: tuple[Pem, float, QuicConfiguration] | None = None
        self._stopping = self._flushing = False
        if settings.certificate is not None:
            self._configuration()

    @property
    def streams(self) -> int:
        """How many streams a connection may have open at once."""
        return self._limits.streams

    def start(self) -> None:
        """Begin to read."""
        self.datagrams.start()

    def update(self, settings: ListenSettings | None = None, serve: Serve | None = None) -> None:
        """Go on with other settings or another function; connections stay open and follow where they can."""
        self.settings = settings or self.settings
        self.serve = serve or self.serve
        self._limits = limits_of(self.kind, self.settings)
        self._waiting.limits = self._times()
        self._unfinished.limits = {READ: self.settings.read_timeout}
        self._schedule()

    async def stop(self, grace: float = 5.5) -> None:
        """Let nobody in, let answers under way leave for ``grace`` seconds, then close everything."""
        self._stopping = True
        for client in list(self.clients):
            client.finish()
        if self.clients:
            self._empty = self.loop.create_future()
            await asyncio.wait([self._empty], timeout=grace)
        self.close()

    def close(self) -> None:
        """Close the socket and all connections at once."""
        self._stopping = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for client in list(self.clients):
            client.quic.close(error_code=client.NO_ERROR)
            client.transmit(self.loop.time())
            self.forget(client)
        self.datagrams.close()

    # --- datagrams

    def _received(self, packet: bytes, origin: Origin) -> bytes | None:
        client = self._routes.get(destination(packet)) if packet else None
        if client is not None:
            client.receive(packet, origin, self.loop.time())
            return None
        return self._arrive(packet, origin) if packet and not self._stopping else None

    def _arrive(self, packet: bytes, origin: Origin) -> bytes | None:
        """A packet for no connection: perhaps it begins one."""
        if self.settings.certificate is None:
            return None
        ends, now = self.datagrams.ends(origin), self.loop.time()
        found = self._gate.look(packet, ends.client, now, prove=self._is_pressed())
        if not isinstance(found, Arrival):
            return found
        group = group_of(ends.client[0])
        if found.retried is None and self._is_full(group):
            found = self._gate.look(packet, ends.client, now, prove=True)  # perhaps it is somebody else
            return found if isinstance(found, bytes) else None
        self.metrics.accepted.value += 1
        if not self._make_room(group):
            self.metrics.closed("too_many")
            return closing(found.header, QuicErrorCode.CONNECTION_REFUSED)
        quic = QuicConnection(
            configuration=self._configuration(),
            original_destination_connection_id=found.original,
            retry_source_connection_id=found.retried,
        )
        limit_streams(quic, self._limits.streams, self.kind.ONE_WAY)
        client = self.kind(self, quic, origin, ends)
        self.clients.add(client)
        if found.retried is not None:
            self.proven(client)
        self.metrics.open.value += 1
        self.issued(client, found.chosen)
        self.issued(client, quic.host_cid)
        self.waits(client, HANDSHAKE)
        client.receive(packet, origin, now)
        return None

    def _is_pressed(self) -> bool:
        most = self._limits.connections
        return self._waiting.count(HANDSHAKE) >= _UNPROVEN or bool(most and len(self.clients) >= most // 2)

    def _is_full(self, group: str) -> bool:
        """Whether an address has as many connections as one may have."""
        most = self._limits.connections
        return bool(most) and self._of_address[group] >= max(most // _OF_ONE, _FEWEST_OF_ONE)

    def _make_room(self, group: str) -> bool:
        """Whether one more connection from there may be; ends another one where that helps."""
        most = self._limits.connections
        if not most:
            return True
        if self._is_full(group):
            idle = self._waiting.find(IDLE, lambda client: client.counted == group)
        elif len(self.clients) >= most:
            idle = self._waiting.first(IDLE)
        else:
            return True
        if idle is None:
            return False
        idle.end(idle.EXCESSIVE, "too_many")
        idle.transmit(self.loop.time())
        self.forget(idle)
        return True

    def _configuration(self) -> QuicConfiguration:
        """For new connections, with the certificate as it is now."""
        certificate = self.settings.certificate
        if certificate is None:
            raise ResolverError("no certificate")
        pem, idle = certificate.pem(), self.settings.idle_timeout
        if self._made is None or self._made[0] is not pem or self._made[1] != idle:
            try:
                made = configuration_of(pem, self.kind.PROTOCOLS, idle)
            except (OSError, ValueError) as error:
                if self._made is not None:
                    return self._made[2]  # as long as there is no better one
                raise ResolverError(f"the certificate cannot be used with QUIC: {error}") from None
            self._made = pem, idle, made
        return self._made[2]

    # --- what clients tell their listener

    def proven(self, client: QuicClient) -> None:
        """The client receives what is sent to its address, whose connections are counted: others cannot use them up."""
        if not client.counted:
            client.counted = group_of(client.client[0])
            self._of_address[client.counted] += 1

    def issued(self, client: QuicClient, identifier: bytes) -> None:
        """Packets with this connection ID are for that client."""
        if identifier not in self._routes:
            self._routes[identifier] = client
            client.ids.add(identifier)

    def retired(self, client: QuicClient, identifier: bytes) -> None:
        """A connection ID is no longer used."""
        if identifier in client.ids:
            client.ids.discard(identifier)
            del self._routes[identifier]

    def forget(self, client: QuicClient) -> None:
        """A connection is at its end."""
        if client not in self.clients:
            return
        self.clients.discard(client)
        for identifier in client.ids:
            del self._routes[identifier]
        if client.counted:
            self._of_address[client.counted] -= 1
            if not self._of_address[client.counted]:
                del self._of_address[client.counted]
        self._waiting.move(client, client.wait, NO_WAIT, 0.0)
        for stream in client.coming:
            self._unfinished.move((client, stream), READ, NO_WAIT, 0.0)
        client.release()
        self.metrics.open.value -= 1
        if self._empty is not None and not self.clients and not self._empty.done():
            self._empty.set_result(None)

    def touch(self, client: QuicClient) -> None:
        """The connection may have something to send, at the end of this turn of the loop."""
        if client.dirty or client.gone:
            return
        client.dirty = True
        self._touched.append(client)
        if not self._flushing:
            self._flushing = True
            self.loop.call_soon(self._read)

    def _read(self) -> None:
        """Send what clients have gathered; several answers share a datagram, several datagrams a system call."""
        self._flushing = False
        touched, self._touched = self._touched, []
        now = self.loop.time()
        for client in touched:
            try:
                client.transmit(now)
            except Exception:
                self.metrics.closed("error")
                self.forget(client)
        self.datagrams.flush()

    def waits(self, client: QuicClient, wait: str) -> None:
        """What the connection waits for from now on."""
        old, client.wait = client.wait, wait
        self._waiting.move(client, old, wait, self.loop.time())
        self._see_to(wait, self._waiting.limits[wait])

    def begun(self, client: QuicClient, stream: int) -> None:
        """A query has begun and has to be complete in time."""
        self._unfinished.move((client, stream), NO_WAIT, READ, self.loop.time())
        self._see_to(READ, self._unfinished.limits[READ])

    def complete(self, client: QuicClient, stream: int) -> None:
        """A query is complete, or nothing more will come of it."""
        self._unfinished.move((client, stream), READ, NO_WAIT, 0.0)

    def enter(self, client: QuicClient, stream: int, packet: bytes) -> None:
        """A query that may be worked out, now or when others have been."""
        if self.active < self._limits.workers or not self._limits.workers:
            client.serve(stream, packet)
        else:
            self._queue.append((client, stream, packet))

    def go_on(self) -> None:
        """A query has been worked out; those that had to wait have their turn."""
        while self._queue and self.active < self._limits.workers:
            client, stream, packet = self._queue.popleft()
            if not client.gone and stream in client.awaited:
                client.serve(stream, packet)
                self.touch(client)

    # --- time

    def _times(self) -> dict[str, float]:
        return {HANDSHAKE: max(self.settings.read_timeout, 1.0), IDLE: 0.0, ANSWER: 0.0}  # QUIC ends idle ones itself

    def _see_to(self, line: str, limit: float) -> None:
        if limit and (self._timer is None or self.loop.time() + limit < self._timer.when()):
            self._schedule()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        late = [when for when in (self._waiting.next_late(), self._unfinished.next_late()) if when is not None]
        if late:
            self._timer = self.loop.call_at(max(min(late), self.loop.time() + _SHORTEST_PAUSE), self._close_late)

    def _close_late(self) -> None:
        self._timer = None
        now = self.loop.time()
        for _, (client, stream) in self._unfinished.late(now):
            client.late(stream)
        for reason, client in self._waiting.late(now):
            self.metrics.closed(f"{reason}_timeout")
            self.forget(client)
        self._schedule()


def limits_of(kind: type[QuicClient], settings: ListenSettings) -> QuicLimits:
    """The limits that a server block sets for this protocol."""
    if kind.TRANSPORT == "quic":
        return QuicLimits(settings.quic_streams, settings.quic_connections, settings.quic_workers)
    return QuicLimits(settings.https3_streams, settings.https3_connections, settings.quic_workers)


def group_of(host: str) -> str:
    """Those who are counted as one: an address, of IPv6 the network in which a machine picks its own."""
    if ":" not in host:
        return host
    return ip_address(host.partition("%")[0]).packed[:8].hex()
