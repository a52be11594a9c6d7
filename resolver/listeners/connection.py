"""One client of a stream listener: octets in, framed queries to whoever answers, answers out as they are ready."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from resolver.errors import WireError
from resolver.listeners.limits import NO_WAIT
from resolver.wire.framing import Deframer, frame

if TYPE_CHECKING:
    from resolver.listeners.tcp import TcpListener


class Many(Protocol):
    """Many messages in answer to one, each made when the client can take it."""

    def __next__(self) -> bytes:
        """The next one. Raises StopIteration behind the last, WireError where the rest cannot be made."""

    def close(self) -> None:
        """No more are wanted; called once."""


Address = tuple[str, int]
Answer = bytes | Many
Send = Callable[[Answer], None]
Serve = Callable[[bytes, Address, Address, str, Send], Answer | None]

# What a connection waits for: the end of a frame (or its first query), the next query, our answers, the client reading.
READ, IDLE, ANSWER, WRITE = "read", "idle", "answer", "write"


class Connection(asyncio.Protocol):
    """One client: frames in, answers out."""

    __slots__ = (
        "backlog", "choked", "client", "deframer", "ending", "in_flight", "listener", "local", "origin", "out",
        "paused", "scheduled", "send", "served", "stream", "taken", "transfers", "wait",
    )  # fmt: skip

    def __init__(self, listener: TcpListener) -> None:
        self.listener = listener
        self.deframer = Deframer()
        self.stream: asyncio.Transport | None = None
        self.client: Address = ("", 0)
        self.local = listener.local
        self.origin: Address | None = None  # who asks, where a proxy said so before the connection was made
        self.taken = False  # whether a transport has the socket
        self.send: Send = self._answered
        self.out: list[bytes] = []
        self.transfers: deque[Many] = deque()
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
        self.client, self.local = self.origin or peer[:2], local[:2]
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
            self._owe(answer)

    def _owe(self, answer: Answer) -> None:
        """One query is answered, or its answers may be fetched one by one: it is under way until they are sent."""
        if not isinstance(answer, bytes):
            self.transfers.append(answer)
            return
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

    def _answered(self, answer: Answer) -> None:
        """An answer that took its time; this is the ``send`` of every query of the connection."""
        if self.stream is None or not self.in_flight:
            _nowhere(answer)
            return
        self._owe(answer)
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
        if self.transfers and not self.choked:
            self._transfer(stream)
        self._may_ask()
        self._rest(progress)

    def _transfer(self, stream: asyncio.Transport) -> None:
        """Write one message of a transfer: all others of this loop have their turn before the next."""
        transfer = self.transfers.popleft()
        try:
            stream.write(frame(next(transfer)))
        except StopIteration:
            self.in_flight -= 1
            transfer.close()
        except WireError:  # the client must see that this is not the end
            transfer.close()
            self.listener.metrics.closed("error")
            self.abort()
            return
        else:
            self.transfers.append(transfer)  # several take turns
        if self.transfers and not self.choked:
            self._flush_soon()

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
        while self.transfers:
            self.transfers.popleft().close()
        self.send = _nowhere  # else a connection holds itself, and churn becomes work for the garbage collector
        if self.wait:
            self.listener.wait(self, self.wait, NO_WAIT)
            self.wait = NO_WAIT
        self.listener.lost(self)


def _nowhere(answer: Answer) -> None:
    """Where answers go when their client is gone."""
    if not isinstance(answer, bytes):
        answer.close()
