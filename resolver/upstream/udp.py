"""Exchanges over UDP: connected sockets, ports and IDs that nobody can guess, answers matched on all that is known."""

from __future__ import annotations

import os
import socket
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from errno import ECONNREFUSED
from math import inf
from typing import Final

from resolver.errors import UpstreamError
from resolver.sockets.mmsg import AVAILABLE, Outbox
from resolver.sockets.watch import Watch
from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits, family, reason_of, shown, sockaddr
from resolver.upstream.exchange import CLOSED, Busy, Outcome, Request, TimedOut, Waiting, expired, finish, read_answer
from resolver.upstream.proof import Proof
from resolver.upstream.timer import Alarm
from resolver.wire.message import Message

# A few sockets at once share the load; each is replaced after so many queries, so that no port is of use for long.
# An upstream that is asked now and then has one: it is reused from the second query on.
SOCKETS: Final = 4
QUERIES_PER_SOCKET: Final = 8  # before another one is opened
MAX_USES: Final = 1024
MAX_LIFE: Final = 60.0  # seconds
MAX_IN_FLIGHT: Final = 4096  # per socket; far fewer than there are IDs, so a free one is soon found
MAX_DRAINING: Final = 64
MAX_BATCH: Final = 64  # datagrams read before others get their turn
RECEIVE_BUFFER: Final = 1 << 20

# One for the process: it is filled and emptied within one call.
OUTBOX: Final = Outbox() if AVAILABLE else None


class _Socket:
    """One connected socket with its exchanges in flight, by ID and in the order of their deadlines."""

    __slots__ = ("leaving", "local", "opened", "pending", "recv", "send", "sock", "used", "uses")

    def __init__(self, sock: socket.socket, now: float) -> None:
        self.sock = sock
        self.recv = sock.recv
        self.send = sock.send
        self.pending: dict[int, Waiting] = {}
        self.leaving: list[tuple[int, Request]] = []
        self.opened = self.used = now
        self.uses = 0
        self.local = shown(sock.getsockname())


class UdpExchanges:
    """All exchanges with one upstream over UDP."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Callable[[], float],
        address: Address,
        limits: Limits,
        hits: Cell,
        misses: Cell,
        draw: Callable[[int], bytes] = os.urandom,
        proof: Proof | None = None,
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._address = address
        self._limits = limits
        self._life = min(limits.max_age or MAX_LIFE, MAX_LIFE)
        self._hits = hits
        self._misses = misses
        self._draw = draw
        self._proof = proof
        self._draws: list[int] = []
        self._closed = False
        self._asked = 0
        self._sockets: list[_Socket | None] = [None] * SOCKETS
        self._draining: list[_Socket] = []
        self._dirty: list[_Socket] = []
        self._alarm = Alarm(loop, clock, self._sweep)
        self._watch: Watch[_Socket] = Watch(loop, self._readable)

    def ask(self, request: Request, timeout: float) -> Future[Outcome]:
        """Send the request; the future ends with the answer or with the reason why there is none.

        Waits ``timeout`` seconds, and never longer than the read timeout: exchanges expire in the order of sending.
        """
        future: Future[Outcome] = self._loop.create_future()
        if self._closed:
            future.set_result(UpstreamError(f"dial udp {self._address}: {CLOSED}"))
            return future
        now = self._clock()
        limits = self._limits
        if timeout > limits.read_timeout:
            timeout = limits.read_timeout
        draw = (self._draws or self._refill()).pop()
        try:
            sock = self._socket(draw >> 16, now)
        except OSError as error:
            future.set_result(UpstreamError(f"dial udp {self._address}: {reason_of(error)}"))
            return future
        pending = sock.pending
        if len(pending) >= MAX_IN_FLIGHT:
            future.set_result(Busy(f"too many queries in flight to {self._address}"))
            return future
        message_id = draw & 0xFFFF
        while message_id in pending:
            message_id = (self._draws or self._refill()).pop() & 0xFFFF
        deadline = now + timeout
        if self._proof is not None:
            request = self._proof.dress(request)
        pending[message_id] = (future, request, deadline)
        sock.uses += 1
        sock.used = now
        self._send_soon(sock, message_id, request)
        if timeout < limits.read_timeout:  # would stand behind later ones in the queue
            self._loop.call_later(timeout, self._give_up, sock, message_id, future)
        elif deadline < self._alarm.next:
            self._alarm.at(deadline)
        return future

    def close(self) -> None:
        """Close all sockets for good; exchanges in flight end with an error."""
        self._closed = True
        self._alarm.stop()
        for sock in [*filter(None, self._sockets), *self._draining]:
            self._fail(sock, CLOSED)
            self._drop(sock)
        self._sockets = [None] * SOCKETS
        self._draining.clear()

    @property
    def in_flight(self) -> int:
        """How many exchanges wait for an answer."""
        return sum(len(sock.pending) for sock in [*filter(None, self._sockets), *self._draining])

    @property
    def open_sockets(self) -> int:
        """How many sockets are open."""
        return len(self._draining) + sum(sock is not None for sock in self._sockets)

    # --- sending

    def _refill(self) -> list[int]:
        """Numbers of 32 random bits, drawn from the system in blocks."""
        self._draws = memoryview(self._draw(2048)).cast("I").tolist()
        return self._draws

    def _send_soon(self, sock: _Socket, message_id: int, request: Request) -> None:
        """Send at the end of this turn of the loop, together with all else that goes out over the socket till then.

        A call of the system for each query, and a wake-up of the upstream for each, would cost more than all else.
        """
        leaving = sock.leaving
        if not leaving:
            if not self._dirty:
                self._loop.call_soon(self._flush)
            self._dirty.append(sock)
        leaving.append((message_id, request))
        if len(leaving) >= Outbox.SLOTS:
            self._send_all(sock)

    def _flush(self) -> None:
        dirty, self._dirty = self._dirty, []
        for sock in dirty:
            if sock.leaving:
                self._send_all(sock)

    def _send_all(self, sock: _Socket) -> None:
        leaving, sock.leaving = sock.leaving, []
        sent = 0
        if OUTBOX is not None and len(leaving) > 1:
            packets = [message_id.to_bytes(2, "big") + request.tail for message_id, request in leaving]
            if max(map(len, packets)) <= Outbox.LONGEST:
                sent = OUTBOX.send(sock.sock.fileno(), packets)
        for message_id, request in leaving[sent:]:
            if message_id in sock.pending:
                self._send(sock, message_id, request)

    def _send(self, sock: _Socket, message_id: int, request: Request) -> None:
        packet = message_id.to_bytes(2, "big") + request.tail
        try:
            sock.send(packet)
        except OSError as error:
            if error.errno == ECONNREFUSED:  # about what was sent before; this packet was not sent
                mine = sock.pending.pop(message_id)
                self._fail(sock, f"read: {reason_of(error)}")
                sock.pending[message_id] = mine
                try:
                    sock.send(packet)
                    return
                except OSError as second:
                    error = second
            self._end(sock, message_id, UpstreamError(f"write {self._way(sock)}: write: {reason_of(error)}"))

    def _socket(self, choice: int, now: float) -> _Socket:
        """The chosen socket, opened or replaced when its time is over. Raises OSError."""
        self._asked += 1
        slot = choice % min(SOCKETS, 1 + self._asked // QUERIES_PER_SOCKET)
        sock = self._sockets[slot]
        if sock is not None:
            if sock.uses < MAX_USES and not self._is_old(sock, now):
                self._hits.value += 1
                return sock
            if len(self._draining) >= MAX_DRAINING:
                return sock
            self._sockets[slot] = None
            self._retire(sock)
        self._misses.value += 1
        sock = self._sockets[slot] = self._open(now)
        return sock

    def _is_old(self, sock: _Socket, now: float) -> bool:
        return now - sock.opened >= self._life or (now - sock.used >= self._limits.expire and not sock.pending)

    def _open(self, now: float) -> _Socket:
        address = self._address
        sock = socket.socket(family(address.host), socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
            if self._limits.source:
                sock.bind(sockaddr(self._limits.source, 0))
            sock.connect(sockaddr(address.host, address.port))
            opened = _Socket(sock, now)
            self._watch.add(sock, opened)
        except OSError:
            sock.close()
            raise
        self._alarm.at(now + self._limits.expire)
        return opened

    # --- receiving

    def _readable(self, sock: _Socket) -> None:
        pending, recv = sock.pending, sock.recv
        for _ in range(MAX_BATCH):
            try:
                packet = recv(65535)
            except BlockingIOError:
                return
            except OSError as error:
                self._fail(sock, f"read: {reason_of(error)}")
                return
            if len(packet) < 2:
                continue
            message_id = packet[0] << 8 | packet[1]
            waiting = pending.get(message_id)
            if waiting is None:
                continue
            message = read_answer(packet, waiting[1])
            if message is not None and self._proof is not None:
                message = self._proven(self._proof, sock, message_id, waiting, message)
            if message is None:  # forged or broken: the right answer may still come
                continue
            del pending[message_id]
            future = waiting[0]
            if not future.done():
                future.set_result(message)
            if not pending:
                break
        if not pending and sock in self._draining:
            self._draining.remove(sock)
            self._drop(sock)

    def _proven(
        self, proof: Proof, sock: _Socket, message_id: int, waiting: Waiting, message: Message
    ) -> Message | None:
        """What the exchange ends with; None where it goes on, perhaps with another request."""
        future, request, deadline = waiting
        verdict = proof.judge(message, request, self._clock())
        if isinstance(verdict, Request):
            sock.pending[message_id] = (future, verdict, deadline)
            self._send_soon(sock, message_id, verdict)
            return None
        return verdict

    # --- ends

    def _sweep(self, now: float) -> float:
        """End what is overdue, close sockets that nobody used; returns when to look again."""
        wake = inf
        for slot, sock in enumerate(self._sockets):
            if sock is None:
                continue
            self._time_out(sock, now)
            if not sock.pending and self._is_old(sock, now):
                self._sockets[slot] = None
                self._drop(sock)
                continue
            wake = min(wake, self._next_look(sock, now))
        for sock in list(self._draining):
            self._time_out(sock, now)
            if sock.pending:
                wake = min(wake, self._next_look(sock, now))
            else:
                self._draining.remove(sock)
                self._drop(sock)
        return wake

    def _next_look(self, sock: _Socket, now: float) -> float:
        for waiting in sock.pending.values():
            return waiting[2]
        return max(sock.used + self._limits.expire, now)

    def _time_out(self, sock: _Socket, now: float) -> None:
        for message_id in expired(sock.pending, now):
            self._end(sock, message_id, TimedOut(f"read {self._way(sock)}: i/o timeout"))

    def _give_up(self, sock: _Socket, message_id: int, future: Future[Outcome]) -> None:
        waiting = sock.pending.get(message_id)
        if waiting is not None and waiting[0] is future:
            self._end(sock, message_id, TimedOut(f"read {self._way(sock)}: i/o timeout"))

    def _end(self, sock: _Socket, message_id: int, outcome: Outcome) -> None:
        waiting = sock.pending.pop(message_id, None)
        if waiting is not None:
            finish(waiting[0], outcome)

    def _fail(self, sock: _Socket, reason: str) -> None:
        """End all exchanges of a socket."""
        waiting = list(sock.pending.values())
        sock.pending.clear()
        for future, _, _ in waiting:
            finish(future, UpstreamError(f"read {self._way(sock)}: {reason}"))

    def _retire(self, sock: _Socket) -> None:
        if sock.pending:
            self._draining.append(sock)
        else:
            self._drop(sock)

    def _drop(self, sock: _Socket) -> None:
        self._watch.remove(sock.sock)
        sock.sock.close()

    def _way(self, sock: _Socket) -> str:
        return f"udp {sock.local}->{self._address}"
