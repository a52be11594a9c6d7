"""One TCP or TLS connection to an upstream."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any, Final, cast

from resolver.errors import WireError
from resolver.upstream.address import Address, reason_of, shown
from resolver.upstream.exchange import Waiting, finish, read_answer
from resolver.upstream.tls import ClientTls, reason
from resolver.wire.framing import Deframer, frame

CONNECT_TIMEOUT: Final = 5.0  # seconds, TLS handshake included
SHUTDOWN_TIMEOUT: Final = 1.0


class Connection(asyncio.Protocol):
    """A connection with its exchanges in flight, by ID and in the order of their deadlines.

    Queries may be sent before it is open. ``on_messages`` is called as messages come, ``on_lost`` once at the end.
    ``second`` has the IDs of exchanges that were lost on another connection before; ``heard`` is when octets came last.
    """

    def __init__(
        self,
        address: Address,
        now: float,
        on_messages: Callable[[Connection, list[bytes]], None],
        on_lost: Callable[[Connection, str, Exception | None], None],
    ) -> None:
        self.pending: dict[int, Waiting] = {}
        self.second: set[int] = set()
        self.opened = self.used = self.heard = now
        self.answered = 0
        self.retired = False
        self.session_kept = False
        self._address = address
        self._on_messages = on_messages
        self._on_lost = on_lost
        self._deframer = Deframer()
        self._early: list[bytes] = []
        self._tls: ClientTls | None = None
        self._transport: asyncio.Transport | None = None
        self._opening: asyncio.Task[None] | None = None
        self._reason = "EOF"

    @property
    def tls_object(self) -> ssl.SSLObject | None:
        """The TLS state of an open connection."""
        return self._transport.get_extra_info("ssl_object") if self._transport else None

    def open(self, loop: asyncio.AbstractEventLoop, tls: ClientTls | None, source: str) -> None:
        """Begin to connect."""
        self._tls = tls
        self._opening = loop.create_task(self._open(loop, tls, source))

    def send(self, message: bytes) -> None:
        """Send a message now, or when the connection is open."""
        if self._transport is None:
            self._early.append(frame(message))
        else:
            self._transport.write(frame(message))

    def close(self) -> None:
        """Close without waiting for anything; what a silent peer has not taken is thrown away."""
        if self._opening is not None:
            self._opening.cancel()
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._transport.abort()
        elif self._transport is not None:
            self._transport.close()

    def take(self, messages: list[bytes]) -> None:
        """Match messages with the exchanges in flight; strangers and answers that come too late are ignored."""
        for message in messages:
            message_id = message[0] << 8 | message[1]
            waiting = self.pending.get(message_id)
            answer = waiting and read_answer(message, waiting[1])
            if waiting and answer:
                del self.pending[message_id]
                self.second.discard(message_id)
                self.answered += 1
                finish(waiting[0], answer)

    def way(self) -> str:
        """What the connection does at the moment, as errors name it."""
        if self._transport is None:
            return f"dial tcp {self._address}"
        return f"read tcp {shown(self._transport.get_extra_info('sockname'))}->{self._address}"

    async def _open(self, loop: asyncio.AbstractEventLoop, tls: ClientTls | None, source: str) -> None:
        options: dict[str, Any] = {"local_addr": (source, 0)} if source else {}
        if tls is not None:
            options |= {
                "ssl": tls.context(),
                "server_hostname": self._address.certificate_name,
                "ssl_handshake_timeout": CONNECT_TIMEOUT,
                "ssl_shutdown_timeout": SHUTDOWN_TIMEOUT,
            }
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await loop.create_connection(lambda: self, self._address.host, self._address.port, **options)
        except ssl.SSLError as error:
            self._on_lost(self, f"dial tcp {self._address}: {reason(error)}", error)
        except TimeoutError as error:
            self._on_lost(self, f"dial tcp {self._address}: i/o timeout", error)
        except OSError as error:
            self._on_lost(self, f"dial tcp {self._address}: connect: {reason_of(error)}", error)

    # --- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what was asked meanwhile, unless the peer has another key than it should."""
        self._transport = cast(asyncio.Transport, transport)
        if self._tls is not None and (objection := self._tls.objection_to(self.tls_object)):
            self._on_lost(self, f"dial tcp {self._address}: {objection}", None)
            self._transport.abort()
            return
        if self._early:
            self._transport.write(b"".join(self._early))
            self._early.clear()

    def data_received(self, data: bytes) -> None:
        """Take answers."""
        try:
            messages = self._deframer.feed(data)
        except WireError as error:
            self._reason = str(error)
            cast(asyncio.Transport, self._transport).abort()
            return
        if messages:
            self._on_messages(self, messages)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell that nothing more will come."""
        text = reason_of(error) if isinstance(error, OSError) else self._reason
        self._on_lost(self, f"{self.way()}: {text}", error)
