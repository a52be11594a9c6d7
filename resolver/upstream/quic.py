"""Exchanges over DNS over QUIC: a stream for each query (RFC 9250)."""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from typing import Any, ClassVar, Final

from aioquic.quic.events import QuicEvent, StreamDataReceived, StreamReset

from resolver.errors import UpstreamError
from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.connection import Connection
from resolver.upstream.exchange import read_answer
from resolver.upstream.kept import KeptConnections
from resolver.upstream.quic_link import QuicLink, Remembered
from resolver.upstream.tls import ClientTls
from resolver.wire.constants import HEADER_SIZE, MAX_MESSAGE
from resolver.wire.framing import frame

_ERRORS: Final = {
    0x1: "DOQ_INTERNAL_ERROR", 0x2: "DOQ_PROTOCOL_ERROR", 0x3: "DOQ_REQUEST_CANCELLED", 0x4: "DOQ_EXCESSIVE_LOAD",
    0x5: "DOQ_UNSPECIFIED_ERROR",
}  # fmt: skip


class DoqLink(QuicLink):
    """A connection of DNS over QUIC."""

    protocol: ClassVar[str] = "doq"
    NO_ERROR: ClassVar[int] = 0x0
    PROTOCOL_ERROR: ClassVar[int] = 0x2
    CANCELLED: ClassVar[int] = 0x3

    def __init__(self, *rest: Any) -> None:
        super().__init__(*rest)
        self._coming: dict[int, bytearray] = {}

    def speak(self, stream: int) -> None:
        waiting = self.pending.get(stream)
        if self._quic is not None:  # one that nobody waits for any more has its number all the same
            octets = frame(b"\0\0" + waiting[1].tail) if waiting is not None else b""
            self._quic.send_stream_data(stream, octets, end_stream=True)
            if waiting is None:
                self._quic.reset_stream(stream, self.CANCELLED)

    def withdraw(self, key: int) -> None:
        self._coming.pop(key, None)
        super().withdraw(key)

    def hear(self, event: QuicEvent) -> None:
        if isinstance(event, StreamDataReceived):
            self._gather(event)
        elif isinstance(event, StreamReset):
            self._coming.pop(event.stream_id, None)
            code = _ERRORS.get(event.error_code, f"{event.error_code:#x}")
            self.answer(event.stream_id, UpstreamError(f"{self.way()}: stream reset, error {code}"))

    def _gather(self, event: StreamDataReceived) -> None:
        stream = event.stream_id
        if stream not in self.pending:
            return
        begun = self._coming.pop(stream, None)
        octets = event.data if begun is None else begun + event.data
        if event.end_stream:
            self._complete(stream, bytes(octets))
        elif len(octets) > MAX_MESSAGE + 2:
            self.broken("the answer is longer than any DNS message")
        else:
            self._coming[stream] = bytearray(octets)

    def _complete(self, stream: int, octets: bytes) -> None:
        message = octets[2:]
        if len(message) < HEADER_SIZE or octets[0] << 8 | octets[1] != len(message) or message[0] or message[1]:
            self.broken("what came is no answer of DNS over QUIC")
            return
        answer = read_answer(message, self.pending[stream][1])
        self.answered += 1
        self.answer(stream, answer or UpstreamError(f"{self.way()}: the answer is not to the question"))


class QuicExchanges(KeptConnections):
    """All exchanges with one upstream over DNS over QUIC."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        clock: Callable[[], float],
        address: Address,
        limits: Limits,
        hits: Cell,
        misses: Cell,
        tls: ClientTls | None,
    ) -> None:
        super().__init__(loop, clock, address, limits, hits, misses, tls)
        self._remembered = Remembered()

    def _connection(self, now: float) -> Connection:
        return DoqLink(self._loop, self._address, now, self._heard, self._lost, self._remembered)
