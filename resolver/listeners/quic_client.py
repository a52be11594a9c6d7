"""One client of a QUIC listener: packets in, streams to whoever speaks on them, packets out."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Final

from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import (
    ConnectionIdIssued,
    ConnectionIdRetired,
    ConnectionTerminated,
    HandshakeCompleted,
    QuicEvent,
    StopSendingReceived,
    StreamDataReceived,
    StreamReset,
)

from resolver.listeners.connection import Answer, Many
from resolver.listeners.limits import NO_WAIT
from resolver.listeners.quic_datagrams import Address, Ends, Origin
from resolver.listeners.quic_library import is_done, is_over, received

if TYPE_CHECKING:
    from resolver.listeners.quic import QuicListener

_GATHERED: Final = 256 << 10  # octets of unfinished queries on one connection, gaps between them included
_HELD: Final = 512 << 10  # octets of answers that the client has not acknowledged
_LOOKED_AT: Final = 64 << 10  # from here on it is looked which of them it has
_PATIENCE: Final = 100  # streams that may be wrong or taken back, beside as many as were answered
_PATHS: Final = 4  # addresses of one client that are remembered

HANDSHAKE, IDLE, ANSWER = "handshake", "idle", "answer"


class QuicClient(ABC):
    """One connection. Those who know what its streams mean derive from it."""

    PROTOCOLS: ClassVar[tuple[str, ...]]  # names for ALPN
    TRANSPORT: ClassVar[str]
    ONE_WAY: ClassVar[int] = 0  # streams on which only the client speaks
    NO_ERROR: ClassVar[int]
    INTERNAL: ClassVar[int]
    EXCESSIVE: ClassVar[int]

    def __init__(self, listener: QuicListener, quic: QuicConnection, origin: Origin, ends: Ends) -> None:
        self.listener = listener
        self.quic = quic
        self.counted = ""  # among whose connections it counts
        self.client: Address = ends.client
        self.local: Address = ends.local
        self.ids: set[bytes] = set()
        self.wait = NO_WAIT
        self.dirty = self.gone = self.leaving = False
        self.coming: dict[int, bytearray] = {}  # queries of which only a part is there
        self.awaited: set[int] = set()  # streams that are owed an answer
        self._origins: dict[Address, Origin] = {ends.client: origin}
        self._latest = origin
        self._delivered = 0
        self._patience = _PATIENCE
        self._held = 0
        self._sent: dict[int, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    # --- packets

    def receive(self, packet: bytes, origin: Origin, now: float) -> None:
        """A packet for this connection; what has to be said to it is gathered until ``transmit``."""
        if origin != self._latest:
            self._moved(origin)
        try:
            self.quic.receive_datagram(packet, self.client, now)
            self._take_events()
            if received(self.quic) - self._delivered > _GATHERED:
                self.end(self.EXCESSIVE, "too_much")
        except Exception:  # whatever a packet does, it does it to its own connection only
            self.listener.metrics.closed("error")
            self.listener.forget(self)
            return
        self.listener.touch(self)

    def transmit(self, now: float) -> None:
        """Send what is due."""
        self.dirty = False
        if self.gone:
            return
        if self.leaving and not self.awaited and not is_over(self.quic) and not self.is_choked(0):
            self.quic.close(error_code=self.NO_ERROR)
        send, origins = self.listener.datagrams.send, self._origins
        for octets, address in self.quic.datagrams_to_send(now):
            send(origins.get(address, self._latest), octets)
        if is_over(self.quic):
            self.listener.forget(self)
        else:
            self._arm()

    def end(self, code: int, reason: str) -> None:
        """Close the connection; ``reason`` is for the metric."""
        if not is_over(self.quic):
            self.listener.metrics.closed(reason)
            self.quic.close(error_code=code)
            self.listener.touch(self)

    def finish(self) -> None:
        """Take no more queries, and close when the client has the answers to those under way."""
        self.leaving = True
        self.listener.touch(self)

    def release(self) -> None:
        """The listener has let go: hold nothing any more."""
        self.gone = True
        self.awaited.clear()
        self.coming.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _moved(self, origin: Origin) -> None:
        self._latest = origin
        client = self.listener.datagrams.ends(origin).client
        self._origins.pop(client, None)
        if len(self._origins) >= _PATHS:
            del self._origins[next(iter(self._origins))]
        self._origins[client] = origin
        self.client = client

    def _arm(self) -> None:
        """One timer for all that aioquic waits for; it may ring early, and is then set anew."""
        when = self.quic.get_timer()
        if when is None or (self._timer is not None and self._rings_at <= when):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = when  # uvloop's handles do not always know
        self._timer = self.listener.loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        now = self.listener.loop.time()
        when = self.quic.get_timer()
        if when is not None and when > now + 0.001:
            self._arm()
            return
        self.quic.handle_timer(max(now, when or now))
        self._take_events()
        self.listener.touch(self)

    # --- events

    def _take_events(self) -> None:
        event = self.quic.next_event()
        while event is not None:
            if isinstance(event, StreamDataReceived):
                self._delivered += len(event.data)
                if not is_over(self.quic):
                    self.heard(event)
            elif isinstance(event, ConnectionIdIssued):
                self.listener.issued(self, event.connection_id)
            elif isinstance(event, ConnectionIdRetired):
                self.listener.retired(self, event.connection_id)
            elif isinstance(event, HandshakeCompleted):
                self.listener.proven(self)
                self.opened()
                self.rest()
            elif isinstance(event, ConnectionTerminated):
                self.listener.forget(self)
            elif isinstance(event, StreamReset | StopSendingReceived):
                self.taken_back(event)
            event = self.quic.next_event()

    def opened(self) -> None:  # noqa: B027 - few have anything to do then
        """The handshake is done."""

    @abstractmethod
    def heard(self, event: StreamDataReceived) -> None:
        """Octets on a stream."""

    @abstractmethod
    def respond(self, stream: int, answer: bytes) -> int:
        """Send the answer on a stream; how many octets that are. Empty where nobody answers."""

    def taken_back(self, event: QuicEvent) -> None:
        """The client wants no answer, or sends no more."""
        stream = getattr(event, "stream_id", None)
        if stream is not None and (stream in self.coming or stream in self.awaited):
            self.drop(stream)
            self.endure()

    # --- queries and answers

    def ask(self, stream: int, packet: bytes) -> None:
        """A query is complete: work it out now, or when it is its turn."""
        if self.leaving:
            self.refuse(stream)
            return
        self.awaited.add(stream)
        self.listener.enter(self, stream, packet)
        if stream in self.awaited:
            self.rest()

    def serve(self, stream: int, packet: bytes) -> None:
        """Work a query out, whose turn has come."""
        listener = self.listener
        listener.active += 1
        try:
            answer = listener.serve(
                packet, self.client, self.local, self.TRANSPORT, partial(self._answered_late, stream)
            )
        except Exception:
            listener.active -= 1
            self.end(self.INTERNAL, "error")
            return
        if answer is not None:
            listener.active -= 1
            self._settle(stream, answer)

    def _answered_late(self, stream: int, answer: Answer) -> None:
        self.listener.active -= 1
        if self.gone or stream not in self.awaited:
            if not isinstance(answer, bytes):
                answer.close()
        else:
            self._settle(stream, answer)
            self.listener.touch(self)
        self.listener.go_on()

    def _settle(self, stream: int, answer: Answer) -> None:
        if not isinstance(answer, bytes):
            self.transfer(stream, answer)
            return
        self.awaited.discard(stream)
        if self.is_choked(_HELD):
            self.reset(stream, self.EXCESSIVE)
            self.endure()
        else:
            self.note(stream, self.respond(stream, answer))
            self._patience = min(self._patience + 1, _PATIENCE)
        self.rest()

    def transfer(self, stream: int, messages: Many) -> None:
        """Send many messages on a stream; only some protocols can."""
        messages.close()
        self._settle(stream, b"")

    def note(self, stream: int, octets: int) -> None:
        """Octets were sent on a stream and are held until the client has them."""
        self._held += octets
        self._sent[stream] = self._sent.get(stream, 0) + octets
        if len(self._sent) > self.listener.streams:
            self.is_choked(0)

    def is_choked(self, most: int) -> bool:
        """Whether the client leaves more than that many octets with us."""
        if self._held > min(most, _LOOKED_AT):
            done = [stream for stream in self._sent if is_done(self.quic, stream)]
            for stream in done:
                self._held -= self._sent.pop(stream)
        return self._held > most

    def endure(self) -> None:
        """Another stream that only cost time; one too many ends the connection."""
        self._patience -= 1
        if self._patience < 0:
            self.end(self.EXCESSIVE, "patience")

    def late(self, stream: int) -> None:
        """A query is still not complete: give it up."""
        if stream in self.coming:
            self.listener.metrics.closed("read_timeout")
            self.drop(stream)
            self.refuse(stream)
            self.listener.touch(self)

    def refuse(self, stream: int) -> None:
        """Hear no more of a stream and say nothing on it."""
        if not is_done(self.quic, stream):
            self.quic.stop_stream(stream, self.EXCESSIVE)
        self.reset(stream, self.EXCESSIVE)
        self.endure()

    def reset(self, stream: int, code: int) -> None:
        """Say no more on a stream."""
        self.awaited.discard(stream)
        self.quic.reset_stream(stream, code)

    def drop(self, stream: int) -> None:
        """Forget a stream, of which the client will hear nothing."""
        self.awaited.discard(stream)
        if self.coming.pop(stream, None) is not None:
            self.listener.complete(self, stream)
        self.rest()

    def rest(self) -> None:
        """Decide what is waited for now."""
        wait = ANSWER if self.awaited else IDLE
        if not self.gone:
            self.listener.waits(self, wait)
