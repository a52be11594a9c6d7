"""Exchanges over TCP and TLS: connections are kept, queries pipelined, answers taken in any order (RFC 7766)."""

from __future__ import annotations

import os
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from math import inf
from typing import Final

from resolver.errors import UpstreamError
from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.connection import Connection
from resolver.upstream.exchange import CLOSED, Busy, Outcome, Request, TimedOut, expired, finish
from resolver.upstream.timer import Alarm
from resolver.upstream.tls import ClientTls

PIPELINE: Final = 32  # queries on a connection before another one is opened
MAX_CONNECTIONS: Final = 32
MAX_IN_FLIGHT: Final = 512  # per connection, when no further one may be opened
SERIAL_TIME: Final = 60.0  # seconds for which a peer that cannot pipeline is asked one query at a time


class StreamExchanges:
    """All exchanges with one upstream over TCP, or TLS where it is said whom to trust."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Callable[[], float],
        address: Address,
        limits: Limits,
        hits: Cell,
        misses: Cell,
        tls: ClientTls | None = None,
        draw: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._address = address
        self._limits = limits
        self._hits = hits
        self._misses = misses
        self._tls = tls
        self._draw = draw
        self._connections: list[Connection] = []
        self._serial_until = 0.0
        self._closed = False
        self._alarm = Alarm(loop, clock, self._sweep)

    def ask(self, request: Request, timeout: float) -> Future[Outcome]:
        """Send the request; the future ends with the answer or with the reason why there is none.

        Waits ``timeout`` seconds, and never longer than the read timeout: exchanges expire in the order of sending.
        """
        future: Future[Outcome] = self._loop.create_future()
        now = self._clock()
        connection = None if self._closed else self._pick(now)
        if self._closed:
            future.set_result(UpstreamError(f"dial tcp {self._address}: {CLOSED}"))
        elif connection is None:
            future.set_result(Busy(f"too many queries in flight to {self._address}"))
        else:
            deadline = now + min(timeout, self._limits.read_timeout)
            self._send(connection, future, request, deadline, first=True)
        return future

    def close(self) -> None:
        """Close all connections for good; exchanges in flight end with an error."""
        self._closed = True
        self._alarm.stop()
        connections, self._connections = self._connections, []
        for connection in connections:
            self._fail(connection, CLOSED)
            connection.close()

    @property
    def in_flight(self) -> int:
        """How many exchanges wait for an answer."""
        return sum(len(connection.pending) for connection in self._connections)

    @property
    def connections(self) -> int:
        """How many connections are open or being opened."""
        return len(self._connections)

    # --- sending

    def _send(self, to: Connection, future: Future[Outcome], request: Request, deadline: float, *, first: bool) -> None:
        pending = to.pending
        message_id = int.from_bytes(self._draw(2), "big")
        while message_id in pending:
            message_id = int.from_bytes(self._draw(2), "big")
        pending[message_id] = (future, request, deadline)
        if not first:
            to.second.add(message_id)
        to.used = now = self._clock()
        to.send(message_id.to_bytes(2, "big") + request.tail)
        if deadline - now < self._limits.read_timeout * 0.99:  # would stand behind later ones in the queue
            self._loop.call_later(max(deadline - now, 0), self._give_up, to, message_id, future)
        else:
            self._alarm.at(deadline)

    def _pick(self, now: float) -> Connection | None:
        """The connection with the least to do, or a new one; None where all are full."""
        best: Connection | None = None
        for connection in list(self._connections):
            if not connection.retired and self._is_old(connection, now):
                self._retire(connection)
            if not connection.retired and (best is None or len(connection.pending) < len(best.pending)):
                best = connection
        depth = 1 if now < self._serial_until else PIPELINE
        full = len(self._connections) >= MAX_CONNECTIONS
        if best is not None and (full or len(best.pending) < depth):
            self._hits.value += 1
            return best if len(best.pending) < MAX_IN_FLIGHT else None
        return None if full else self._open(now)

    def _open(self, now: float) -> Connection:
        self._misses.value += 1
        connection = Connection(self._address, now, self._heard, self._lost)
        self._connections.append(connection)
        connection.open(self._loop, self._tls, self._limits.source)
        return connection

    def _is_old(self, connection: Connection, now: float) -> bool:
        max_age = self._limits.max_age
        if max_age and now - connection.opened >= max_age:
            return True
        return not connection.pending and now - connection.used >= self._limits.expire

    # --- receiving

    def _heard(self, connection: Connection, messages: list[bytes]) -> None:
        """Give answers to who waits for them."""
        connection.used = connection.heard = self._clock()
        connection.take(messages)
        if self._tls is not None and connection.answered and not connection.session_kept:
            connection.session_kept = True
            self._tls.context().remember(self._address.certificate_name, connection.tls_object)
        if not connection.pending:
            self._idle(connection)

    def _idle(self, connection: Connection) -> None:
        limits = self._limits
        idle = sum(not other.pending for other in self._connections)
        if connection.retired or limits.expire == 0 or 0 < limits.max_idle < idle:
            self._retire(connection)
        else:
            self._alarm.at(connection.used + limits.expire)

    def _lost(self, connection: Connection, reason: str, error: Exception | None) -> None:
        """A connection has ended; what waits on one that was in use is asked once more on another."""
        if connection not in self._connections:
            return
        self._connections.remove(connection)
        now = self._clock()
        lost = [(key, waiting) for key, waiting in connection.pending.items() if not waiting[0].done()]
        connection.pending.clear()
        if connection.answered and len(lost) > 1:
            self._serial_until = now + SERIAL_TIME
        failure = TimedOut if isinstance(error, TimeoutError) else UpstreamError
        for key, (future, request, deadline) in lost:
            again = connection.answered and not connection.retired and key not in connection.second and deadline > now
            other = self._pick(now) if again else None
            if other is None:
                finish(future, failure(reason))
            else:
                self._send(other, future, request, deadline, first=False)

    # --- ends

    def _sweep(self, now: float) -> float:
        """End what is overdue, close connections that nobody used; returns when to look again."""
        wake = inf
        for connection in list(self._connections):
            for message_id in expired(connection.pending, now):
                self._time_out(connection, message_id)
            if not connection.pending and (connection.retired or self._is_old(connection, now)):
                self._retire(connection)
                continue
            due = next(iter(connection.pending.values()), None)
            wake = min(wake, due[2] if due else connection.used + self._limits.expire)
        return wake

    def _give_up(self, connection: Connection, message_id: int, future: Future[Outcome]) -> None:
        waiting = connection.pending.get(message_id)
        if waiting is not None and waiting[0] is future:
            self._time_out(connection, message_id)

    def _time_out(self, connection: Connection, message_id: int) -> None:
        future, _, deadline = connection.pending.pop(message_id)
        connection.second.discard(message_id)
        finish(future, TimedOut(f"{connection.way()}: i/o timeout"))
        asked = deadline - self._limits.read_timeout
        if connection.heard <= asked + 1e-6:  # dead silence: others had better use another
            self._retire(connection)

    def _fail(self, connection: Connection, reason: str) -> None:
        waiting = list(connection.pending.values())
        connection.pending.clear()
        for future, _, _ in waiting:
            finish(future, UpstreamError(f"{connection.way()}: {reason}"))

    def _retire(self, connection: Connection) -> None:
        """Use the connection no more, and close it as soon as nobody waits on it."""
        connection.retired = True
        if not connection.pending:
            if connection in self._connections:
                self._connections.remove(connection)
            connection.close()
