"""DNS over TCP and, with a TLS context, DNS over TLS: framed queries in, answers out as they are ready (RFC 7766).

Queries are pipelined and answers may overtake each other. Every wait of a connection has its end: a first query, a
begun frame, the next query, an answer and the client's reading.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from resolver.chain.capabilities import ListenSettings
from resolver.errors import WireError
from resolver.listeners.limits import NO_WAIT, StreamLimits, Waiting
from resolver.telemetry.metrics import Registry
from resolver.wire.framing import Deframer, frame

Address = tuple[str, int]
Send = Callable[[bytes], None]
Serve = Callable[[bytes, Address, Address, str, Send], "bytes | None"]

# What a connection waits for: the end of a frame (or its first query), the next query, our answers, the client reading.
READ, IDLE, ANSWER, WRITE = "read", "idle", "answer", "write"

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
        self.loop = asyncio.get_running_loop()
        self._dirty: list[Connection] = []
        self._server: asyncio.Server | None = None
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
        if self.connections:
            self._empty = self.loop.create_future()
            await asyncio.wait([self._empty], timeout=grace)
        self.close()

    def close(self) -> None:
        """Close the socket and all connections at once."""
        self._closed = True
        if self._server is not None:
            self._server.close()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for connection in list(self.connections):
            connection.abort()
        if self._opening is None or self._opening.done():
            self.sock.close()

    async def _open(self) -> None:
        handshake = max(self.settings.read_timeout, 1.0) if self.tls else None
        self._server = await self.loop.create_server(
            lambda: Connection(self), sock=self.sock, backlog=_BACKLOG, ssl=self.tls, ssl_handshake_timeout=handshake
        )
        if self._closed:
            self._server.close()
            self.sock.close()

    async def _close_server(self) -> None:
        if self._opening is not None:
            await asyncio.wait([self._opening])
        if self._server is not None:
            self._server.close()
            self._server = None

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
        limit = self.settings.max_connections
        if limit and len(self.connections) >= limit:
            oldest = self.waiting.first(IDLE) or self.waiting.first(READ)
            self.metrics.closed("too_many")
            if oldest is None:
                return False
            oldest.abort()
        self.connections.add(connection)
        self.metrics.open.value += 1
        return True

    def lost(self, connection: Connection) -> None:
        """A connection is gone."""
        if connection in self.connections:
            self.connections.discard(connection)
            self.metrics.open.value -= 1
        if self._empty is not None and not self.connections and not self._empty.done():
            self._empty.set_result(None)

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


class Connection(asyncio.Protocol):
    """One client: frames in, answers out."""

    __slots__ = (
        "backlog", "choked", "client", "deframer", "ending", "in_flight", "listener", "local", "out", "paused",
        "scheduled", "send", "served", "stream", "wait",
    )  # fmt: skip

    def __init__(self, listener: TcpListener) -> None:
        self.listener = listener
        self.deframer = Deframer()
        self.stream: asyncio.Transport | None = None
        self.client: Address = ("", 0)
        self.local = listener.local
        self.send: Send = self._answered
        self.out: list[bytes] = []
        self.backlog: deque[bytes] = deque()
        self.wait = NO_WAIT
        self.in_flight = self.served = 0
        self.choked = self.ending = self.paused = self.scheduled = False

    # --- called by the transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer, local = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
        self.stream = transport  # type: ignore[assignment]
        if not peer or not local or not self.listener.opened(self):
            self.abort()
            return
        self.client, self.local = peer[:2], local[:2]
        self.stream.set_write_buffer_limits(high=self.listener.limits.write_buffer)  # type: ignore[union-attr]
        self._rest(progress=True)

    def data_received(self, data: bytes) -> None:
        if self.ending or self.stream is None:
            return
        packets: list[bytes] = []
        try:
            packets = self.deframer.feed(data)
            if packets and self.deframer.pending:
                self.deframer.feed(b"")  # raises where what follows the good frames is none
        except WireError:
            self.listener.metrics.closed("malformed")
            self.ending = True
        self._take(packets)

    def eof_received(self) -> bool:
        self.ending = True
        self._take([])
        return self.listener.tls is None

    def pause_writing(self) -> None:
        self.choked = True
        self._rest(progress=True)

    def resume_writing(self) -> None:
        self.choked = False
        self._take([])

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()

    # --- queries and answers

    def _take(self, packets: Sequence[bytes]) -> None:
        """Serve what came, as far as limits allow, and write what is answered at once."""
        backlog, limits = self.backlog, self.listener.limits
        backlog.extend(packets)
        self.scheduled = True  # answers given from within are written below
        turn = limits.burst
        while backlog and turn and self.in_flight < limits.in_flight and not self.choked and self._may_ask():
            turn -= 1
            self._serve(backlog.popleft())
        self.scheduled = False
        self._write(progress=bool(packets))
        if backlog and not turn:
            self._flush_soon()

    def _serve(self, packet: bytes) -> None:
        listener = self.listener
        self.served += 1
        self.in_flight += 1
        try:
            answer = listener.serve(packet, self.client, self.local, listener.transport, self.send)
        except Exception:
            listener.metrics.closed("error")
            self.ending = True
            answer = b""
        if answer is not None:
            self.in_flight -= 1
            if answer:
                self.out.append(answer)

    def _may_ask(self) -> bool:
        limit = self.listener.settings.max_queries_per_connection
        if not limit or self.served < limit:
            return True
        if not self.ending:
            self.listener.metrics.closed("max_queries")
            self.ending = True
        self.backlog.clear()
        return False

    def _answered(self, answer: bytes) -> None:
        """An answer that took its time; this is the ``send`` of every query of the connection."""
        if self.stream is None or not self.in_flight:
            return
        self.in_flight -= 1
        if answer:
            self.out.append(answer)
        self._flush_soon()

    def _flush_soon(self) -> None:
        if not self.scheduled:
            self.scheduled = True
            self.listener.flush_soon(self)

    def flush(self) -> None:
        """Write the answers that have gathered, and go on with queries that had to wait for them."""
        self.scheduled = False
        if self.stream is None:
            return
        if self.backlog:
            self._take([])
        else:
            self._write(progress=True)

    def _write(self, progress: bool) -> None:
        stream = self.stream
        if stream is None:
            return
        if self.out:
            stream.write(b"".join(map(frame, self.out)))
            self.out.clear()
        self._may_ask()
        self._rest(progress)

    def _rest(self, progress: bool) -> None:
        """Decide what to wait for now: starts a new wait if that changed or there was progress."""
        stream = self.stream
        if stream is None:
            return
        busy = bool(self.in_flight or self.backlog)
        if self.ending and not busy and not stream.is_closing():
            stream.close()
        if self.choked or stream.is_closing():
            wait = WRITE
        elif busy:
            wait = ANSWER
        else:
            wait = READ if self.deframer.pending or not self.served else IDLE
        self._read_or_pause(self.choked or bool(self.backlog) or self.in_flight >= self.listener.limits.in_flight)
        if self.stream is not None and (wait != self.wait or (progress and wait != WRITE)):
            old, self.wait = self.wait, wait
            self.listener.wait(self, old, wait)

    def _read_or_pause(self, full: bool) -> None:
        stream = self.stream
        if stream is None or stream.is_closing() or self.ending or full == self.paused:
            return
        self.paused = full
        if full:
            stream.pause_reading()
        else:
            stream.resume_reading()

    # --- the end

    def finish(self) -> None:
        """Take no more queries; close when those under way are answered."""
        self.ending = True
        self._take([])

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        stream = self.stream
        self._forget()
        if stream is not None:
            stream.abort()

    def _forget(self) -> None:
        self.stream = None
        self.backlog.clear()
        self.send = _nowhere  # else a connection holds itself, and churn becomes work for the garbage collector
        if self.wait:
            self.listener.wait(self, self.wait, NO_WAIT)
            self.wait = NO_WAIT
        self.listener.lost(self)


def _nowhere(answer: bytes) -> None:
    """Where answers go when their client is gone."""
