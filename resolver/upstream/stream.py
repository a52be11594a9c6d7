"""Exchanges over TCP and TLS: queries are pipelined, answers taken in any order (RFC 7766, RFC 7858)."""

from __future__ import annotations

import os
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from typing import Any, Final

from resolver.errors import WireError
from resolver.telemetry.metrics import Cell
from resolver.upstream.address import Address, Limits
from resolver.upstream.connection import Connection, OctetConnection
from resolver.upstream.exchange import Outcome, Request, finish, read_answer
from resolver.upstream.kept import KeptConnections
from resolver.upstream.tls import ClientTls
from resolver.wire.framing import Deframer, frame

_STRANGERS: Final = 32  # messages in a row that answer nothing that was asked


class FramedConnection(OctetConnection):
    """Messages with their length in front; the key is the message's ID."""

    def __init__(self, draw: Callable[[int], bytes], *rest: Any) -> None:
        super().__init__(*rest)
        self._draw = draw
        self._deframer = Deframer()
        self._leaving: list[bytes] = []
        self._late = 0  # answers that nobody waits for any more
        self._strangers = 0

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

    def withdraw(self, key: int) -> None:
        self._late += 1

    def octets(self) -> bytes:
        leaving, self._leaving = self._leaving, []
        return b"".join(leaving)

    def take(self, data: bytes) -> bool:
        """Strangers are ignored, and no sign of life; where nothing else comes, the connection is of no use.

        Answers that come too late are ignored as well, but the peer is there.
        """
        heard = False
        for message in self._deframer.feed(data):
            key = message[0] << 8 | message[1]
            waiting = self.pending.get(key)
            answer = waiting and read_answer(message, waiting[1])
            if waiting and answer:
                self.forget(key)
                self.answered += 1
                self._strangers = 0
                heard = True
                finish(waiting[0], answer)
            elif self._late and waiting is None:
                self._late -= 1
                heard = True
            else:
                self._strangers += 1
                if self._strangers > _STRANGERS:
                    raise WireError("nothing that comes was asked for")
        return heard


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
