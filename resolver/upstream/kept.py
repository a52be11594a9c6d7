"""Exchanges over connections that are kept: queries share them, and none is lost with a dead one."""

from __future__ import annotations

from abc import ABC, abstractmethod
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

MAX_CONNECTIONS: Final = 32
SERIAL_TIME: Final = 60.0  # seconds for which a peer that cannot pipeline is asked one query at a time
PATIENCE: Final = 0.25  # the part of the read timeout after which a connection that has gone silent is not trusted


class KeptConnections(ABC):
    """All exchanges with one upstream over TCP, with TLS where it is said whom to trust.

    Where a connection ends, its exchanges begin once more on another one. Where it owes answers and falls silent (a
    firewall has forgotten it, the peer has lost its power) they begin on a fresh one too, and the first answer counts.
    ``failures`` counts the connections that brought no answer: not opened, not trusted, ended or silent before.
    """

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Callable[[], float],
        address: Address,
        limits: Limits,
        hits: Cell,
        misses: Cell,
        tls: ClientTls | None = None,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._address = address
        self._limits = limits
        self._hits = hits
        self._misses = misses
        self._tls = tls
        self.failures = Cell()
        self._patience = limits.read_timeout * PATIENCE
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

    @abstractmethod
    def _connection(self, now: float) -> Connection:
        """A connection that is not opened yet."""

    # --- sending

    def _send(self, to: Connection, future: Future[Outcome], request: Request, deadline: float, *, first: bool) -> None:
        key = to.begin(future, request, deadline)
        if not first:
            to.second.add(key)
        to.used = now = self._clock()
        if not to.silent:
            to.silent = now
        if deadline - now < self._limits.read_timeout * 0.99:  # would stand behind later ones in the queue
            self._loop.call_later(max(deadline - now, 0), self._give_up, to, key, future)
        else:
            self._alarm.at(deadline)
        if to.answered:
            self._alarm.at(to.silent + self._patience)

    def _pick(self, now: float) -> Connection | None:
        """The connection with the least to do, or a new one; None where all are full."""
        best: Connection | None = None
        for connection in list(self._connections):
            if not connection.retired and self._is_old(connection, now):
                self._retire(connection)
            if connection.retired or connection.doubted:
                continue
            if best is None or len(connection.pending) < len(best.pending):
                best = connection
        full = len(self._connections) >= MAX_CONNECTIONS
        if best is not None and (full or len(best.pending) < (1 if now < self._serial_until else best.depth)):
            self._hits.value += 1
            return best if len(best.pending) < best.most else None
        return None if full else self._open(now)

    def _open(self, now: float) -> Connection:
        self._misses.value += 1
        connection = self._connection(now)
        self._connections.append(connection)
        connection.open(self._tls, self._limits.source)
        return connection

    def _is_old(self, connection: Connection, now: float) -> bool:
        max_age = self._limits.max_age
        if max_age and now - connection.opened >= max_age:
            return True
        return not connection.pending and now - connection.used >= self._limits.expire

    # --- receiving

    def _heard(self, connection: Connection) -> None:
        """Answers have been given to who waits for them."""
        connection.used = connection.heard = self._clock()
        connection.silent = 0.0
        connection.doubted = False
        if self._tls is not None and connection.answered and not connection.session_kept:
            connection.session_kept = True
            context = self._tls.context(connection.protocol)
            context.remember(self._address.certificate_name, connection.tls_object)
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
        self.failures.value += not connection.answered
        now = self._clock()
        lost = [
            (key, waiting)
            for key, waiting in connection.pending.items()
            if not waiting[0].done() and key not in connection.shared
        ]
        connection.pending.clear()
        if connection.answered and len(lost) > 1 and not connection.pipelines:
            self._serial_until = now + SERIAL_TIME
        failure = TimedOut if isinstance(error, TimeoutError) else UpstreamError
        for key, (future, request, deadline) in lost:
            again = connection.answered and key not in connection.second and deadline > now
            other = self._pick(now) if again else None
            if other is None:
                finish(future, failure(reason))
            else:
                self._send(other, future, request, deadline, first=False)

    def _begin_again(self, connection: Connection, key: int, reason: str) -> None:
        """The peer has not looked at one request, and wants no more of them for the moment."""
        waiting = connection.pending.get(key)
        if waiting is None:
            return
        future, request, deadline = waiting
        second, elsewhere = key in connection.second, key in connection.shared
        connection.forget(key)
        if elsewhere:
            return
        now = self._clock()
        other = None if second or future.done() or deadline <= now else self._pick_beside(connection, now)
        if other is None:
            finish(future, UpstreamError(f"{connection.way()}: {reason}"))
        else:
            self._send(other, future, request, deadline, first=False)

    def _pick_beside(self, connection: Connection, now: float) -> Connection | None:
        doubted, connection.doubted = connection.doubted, True
        other = self._pick(now)
        connection.doubted = doubted
        return other

    # --- ends

    def _sweep(self, now: float) -> float:
        """End what is overdue, close connections that nobody used; returns when to look again."""
        wake = inf
        for connection in list(self._connections):
            for key in expired(connection.pending, now):
                self._time_out(connection, key)
            if not connection.pending and (connection.retired or self._is_old(connection, now)):
                self._retire(connection)
                continue
            due = next(iter(connection.pending.values()), None)
            wake = min(wake, due[2] if due else connection.used + self._limits.expire)
            if due and connection.silent and connection.answered and not connection.doubted:
                if connection.silent + self._patience > now:
                    wake = min(wake, connection.silent + self._patience)
                else:
                    self._doubt(connection, now)
        return wake

    def _doubt(self, connection: Connection, now: float) -> None:
        """Begin what is under way on a silent connection on another one as well."""
        connection.doubted = True
        done = connection.second | connection.shared
        waiting = [(key, *entry) for key, entry in connection.pending.items() if key not in done]
        for key, future, request, deadline in waiting:
            other = None if future.done() or deadline <= now else self._pick(now)
            if other is not None:
                connection.shared.add(key)
                self._send(other, future, request, deadline, first=False)

    def _give_up(self, connection: Connection, key: int, future: Future[Outcome]) -> None:
        waiting = connection.pending.get(key)
        if waiting is not None and waiting[0] is future:
            self._time_out(connection, key)

    def _time_out(self, connection: Connection, key: int) -> None:
        future, _, deadline = connection.pending[key]
        connection.forget(key)
        connection.withdraw(key)
        finish(future, TimedOut(f"{connection.way()}: i/o timeout"))
        asked = deadline - self._limits.read_timeout
        if connection.heard <= asked + 1e-6:  # dead silence: others had better use another
            self.failures.value += not connection.answered and not connection.retired
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
