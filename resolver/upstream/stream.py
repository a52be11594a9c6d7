"""Exchanges over TCP and TLS: queries are pipelined, answers taken in any order (RFC 7766, RFC 7858)."""

from __future__ import annotations

import os
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from typing import Any

from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.connection import Connection, OctetConnection
from resolver.upstream.exchange import Outcome, Request, finish, read_answer
from resolver.upstream.kept import KeptConnections
from resolver.upstream.tls import ClientTls
from resolver.wire.framing import Deframer, frame


class FramedConnection(OctetConnection):
    """Messages with their length in front; the key is the message's ID."""

    def __init__(self, draw: Callable[[int], bytes], *rest: Any) -> None:
        super().__init__(*rest)
        self._draw = draw
        self._deframer = Deframer()
        self._leaving: list[bytes] = []

    def begin(self, future: Future[Outcome], request: Request, deadline: float) -> int:
        pending = self.pending
        message_id = self._draw(2)
        key = int.from_bytes(message_id, "big")
        while key in pending:
            message_id = self._draw(2)
            key = int.from_bytes(message_id, "big")
        pending[key] = (future, request, deadline)
        self._leaving.append(frame(message_id + request.tail))
        self.send_soon()
        return key

    def octets(self) -> bytes:
        leaving, self._leaving = self._leaving, []
        return b"".join(leaving)

    def take(self, data: bytes) -> bool:
        """Strangers and answers that come too late are ignored."""
        messages = self._deframer.feed(data)
        for message in messages:
            key = message[0] << 8 | message[1]
            waiting = self.pending.get(key)
            answer = waiting and read_answer(message, waiting[1])
            if waiting and answer:
                self.forget(key)
                self.answered += 1
                finish(waiting[0], answer)
        return bool(messages)


class StreamExchanges(KeptConnections):
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
        super().__init__(loop, clock, address, limits, hits, misses, tls)
        self._draw = draw

    def _connection(self, now: float) -> Connection:
        return FramedConnection(self._draw, self._loop, self._address, now, self._heard, self._lost)
