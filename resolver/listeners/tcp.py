"""DNS over TCP and, with a TLS context, DNS over TLS: framed queries in, answers out as they are ready (RFC 7766).

Queries are pipelined and answers may overtake each other. Every wait of a connection has its end: a first query, a
begun frame, the next query, an answer and the client's reading.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Final

from resolver.chain.capabilities import ListenSettings
from resolver.listeners.accepting import Acceptor
from resolver.listeners.connection import ANSWER, IDLE, READ, WRITE, Address, Connection, Serve
from resolver.listeners.limits import StreamLimits, Waiting
from resolver.listeners.proxied import ProxiedConnection
from resolver.telemetry.metrics import Registry

_BACKLOG: Final = 1024
_SHORTEST_PAUSE: Final = 0.02  # seconds between two looks at who is late


class StreamMetrics:
    """Connections of one listener: how many are open, and why the server ended some."""

    def __init__(self, registry: Registry, server: str, transport: str = "tcp") -> None:
        labels = ("server", "proto")
        gauge = registry.gauge("coredns_dns_stream_connections", "Open stream connections of clients.", labels)
        opened = registry.counter("coredns_dns_stream_accepted_total", "Stream connections from clients.", labels)
        self.open = gauge.cell(server, transport)
        self.accepted = opened.cell(server, transport)
        self._closed = registry.counter(
            "coredns_dns_stream_closed_total", "Stream connections that the server ended.", (*labels, "reason")
        )
        self._labels = server, transport

    def closed(self, reason: str) -> None:
        """The server ended a connection."""
        self._closed.cell(*self._labels, reason).value += 1


class TcpListener:
    """Serves one listening TCP socket, which it owns from here on.

    ``serve`` is given each message, client, local address, transport name and a function ``send``. It returns the
    answer, ``b""`` for none, or None when it will call ``send`` later exactly once with either.

    Over ``max_connections`` the connection that has been idle longest, or else has owed us its query longest, is closed
    in favour of the new one; where all are being answered the new one is refused.
    """

    def __init__(
        self,
        sock: socket.socket,
        settings: ListenSettings,
        serve: Serve,
        *,
        transport: str = "tcp",
        tls: ssl.SSLContext | None = None,
        metrics: StreamMetrics | None = None,
        limits: StreamLimits | None = None,
    ) -> None:
        self.sock = sock
        self.serve = serve
        self.settings = settings
        self.transport = transport
        self.tls = tls
        self.metrics = metrics or StreamMetrics(Registry(), "")
        self.limits = limits or StreamLimits()
        self.local: Address = sock.getsockname()[:2]
        self.connections: set[Connection] = set()
        self.waiting: Waiting[Connection] = Waiting(self._times())
        self.prepared = tls is not None  # whether something comes before the first query
        self.loop = asyncio.get_running_loop()
        self._dirty: list[Connection] = []
        self._server: asyncio.Server | None = None
        self._acceptor: Acceptor | None = None
        self._opening: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._empty: asyncio.Future[None] | None = None
        self._closed = False

    def start(self) -> None:
        """Begin to accept."""
        self._opening = self.loop.create_task(self._open())

    def update(self, settings: ListenSettings | None = None, serve: Serve | None = None) -> None:
        """Go on with other settings or another function; connections stay open and follow at once."""
        self.settings = settings or self.settings
        self.serve = serve or self.serve
        self.waiting.limits = self._times()
        self._schedule()

    async def stop(self, grace: float = 5.5) -> None:
        """Accept no more, let answers under way leave for ``grace`` seconds, then close everything."""
        await self._close_server()
        for connection in list(self.connections):
            connection.finish()
        if self.connections or self.beginning:
            self._empty = self.loop.create_future()
            await asyncio.wait([self._empty], timeout=grace)
        self.close()

    def close(self) -> None:
        """Close the socket and all connections at once."""
        self._closed = True
        if self._server is not None:
            self._server.close()
        if self._acceptor is not None:
            self._acceptor.abort()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in list(self.connections):
            connection.abort()
        if self._opening is None or self._opening.done():
            self.sock.close()

    async def _open(self) -> None:
        if not self.prepared:
            self._server = await self.loop.create_server(self._unprepared, sock=self.sock, backlog=_BACKLOG)
        elif not self._closed:
            self._acceptor = Acceptor(self)
            self._acceptor.start()
        if self._closed:
            if self._server is not None:
                self._server.close()
            self.sock.close()

    def connection(self) -> Connection:
        """One client's end."""
        return Connection(self)

    def _unprepared(self) -> Connection:
        policy = self.settings.proxy
        return Connection(self) if policy is None else ProxiedConnection(self, policy)

    async def _close_server(self) -> None:
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._acceptor is not None:
            self._acceptor.close()

    def _times(self) -> dict[str, float]:
        settings = self.settings
        return {
            READ: settings.read_timeout,
            IDLE: settings.idle_timeout,
            ANSWER: self.limits.answer_timeout,
            WRITE: settings.write_timeout,
        }

    # --- what connections tell their listener

    def opened(self, connection: Connection) -> bool:
        """Take in a connection; False where it is one too many."""
        self.metrics.accepted.value += 1
        if self._acceptor is not None:  # there was room before its handshake began
            self._acceptor.settled(connection)
        elif not self.makes_room():
            return False
        self.connections.add(connection)
        self.metrics.open.value += 1
        return True

    @property
    def beginning(self) -> int:
        """How many connections are in their handshakes."""
        return len(self._acceptor.pending) if self._acceptor is not None else 0

    def makes_room(self) -> bool:
        """Whether there is room for one more connection, now that another one may have been closed for it."""
        begun = self.beginning
        limit = self.settings.max_connections
        if not limit or len(self.connections) + begun < limit:
            return True
        self.metrics.closed("too_many")
        if self._acceptor is not None and 2 * begun >= limit:  # who only begins does not push out who asks
            self._acceptor.drop_oldest()
            return True
        oldest = self.waiting.first(IDLE) or self.waiting.first(READ)
        if oldest is not None:
            oldest.abort()
        return oldest is not None

    def settle(self) -> None:
        """Note that a connection is gone, or was never made."""
        if self._empty is not None and not self.connections and not self.beginning and not self._empty.done():
            self._empty.set_result(None)

    def lost(self, connection: Connection) -> None:
        """A connection is gone."""
        if connection in self.connections:
            self.connections.discard(connection)
            self.metrics.open.value -= 1
        self.settle()

    def wait(self, connection: Connection, old: str, new: str) -> None:
        """A connection waits for something from now on."""
        now = self.loop.time()
        self.waiting.move(connection, old, new, now)
        if new and (self._timer is None or now + self.waiting.limits[new] < self._timer.when()):
            self._schedule()

    def flush_soon(self, connection: Connection) -> None:
        """Write the connection's answers at the end of this turn of the loop, with all others that come till then."""
        if not self._dirty:
            self.loop.call_soon(self._flush)
        self._dirty.append(connection)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for connection in dirty:
            connection.flush()

    def _schedule(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        when = self.waiting.next_late()
        if when is not None:
            self._timer = self.loop.call_at(max(when, self.loop.time() + _SHORTEST_PAUSE), self._close_late)

    def _close_late(self) -> None:
        self._timer = None
        for reason, connection in self.waiting.late(self.loop.time()):
            self.metrics.closed(f"{reason}_timeout")
            connection.abort()
        self._schedule()
