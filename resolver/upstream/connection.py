"""One TCP or TLS connection to an upstream, whatever is spoken on it."""

from __future__ import annotations

import asyncio
import ssl
from abc import ABC, abstractmethod
from asyncio import AbstractEventLoop, Future
from collections.abc import Callable
from typing import Any, ClassVar, Final, cast

from resolver.errors import WireError
from resolver.upstream.address import Address, reason_of, shown
from resolver.upstream.exchange import Outcome, Request, Waiting
from resolver.upstream.tls import ClientTls, reason

CONNECT_TIMEOUT: Final = 5.0  # seconds, TLS handshake included
SHUTDOWN_TIMEOUT: Final = 1.0
MAX_UNSENT: Final = 4 << 20  # octets that a peer may leave unread


class Connection(ABC):
    """A connection with its exchanges in flight, by key and in the order of their deadlines.

    Queries may be sent before it is open; what is sent in one turn of the loop leaves together. ``on_heard`` is called
    after octets came, ``on_lost`` when it is of no use any more: then exchanges are still in ``pending``.
    ``second`` has the keys of exchanges that were begun on another connection before, ``shared`` of those that have
    begun on another one since, because nothing was heard here; then the connection is ``doubted``. ``heard`` is when
    octets came last, ``silent`` since when an answer is owed and nothing comes, 0 where none is.
    """

    protocol: ClassVar[str] = ""  # what ALPN must agree on
    pipelines: ClassVar[bool] = False  # whether each peer can take several queries at once
    depth: int = 32  # queries before another connection is opened
    most: int = 512  # queries when no further one may be opened

    def __init__(
        self,
        loop: AbstractEventLoop,
        address: Address,
        now: float,
        on_heard: Callable[[Connection], None],
        on_lost: Callable[[Connection, str, Exception | None], None],
    ) -> None:
        self.pending: dict[int, Waiting] = {}
        self.second: set[int] = set()
        self.shared: set[int] = set()
        self.opened = self.used = self.heard = now
        self.silent = 0.0
        self.answered = 0
        self.retired = self.doubted = False
        self.session_kept = False
        self._loop = loop
        self._address = address
        self._on_heard = on_heard
        self._on_lost = on_lost
        self._tls: ClientTls | None = None
        self._flushing = False
        self._reason = "EOF"
        self._local = ""

    @abstractmethod
    def begin(self, future: Future[Outcome], request: Request, deadline: float) -> int:
        """Send the request now, or when the connection is open; returns its key in ``pending``."""

    @abstractmethod
    def withdraw(self, key: int) -> None:
        """The answer is not wanted any more; called after it was taken out of ``pending``."""

    @property
    def tls_object(self) -> ssl.SSLObject | None:
        """The TLS state of an open connection, None where OpenSSL has none."""
        return None

    @abstractmethod
    def open(self, tls: ClientTls | None, source: str) -> None:
        """Begin to connect."""

    @abstractmethod
    def close(self) -> None:
        """Close without waiting for anything."""

    @abstractmethod
    def way(self) -> str:
        """What the connection does at the moment, as errors name it."""

    def forget(self, key: int) -> None:
        """The exchange has ended."""
        del self.pending[key]
        self.second.discard(key)
        self.shared.discard(key)

    def send_soon(self) -> None:
        """Send what is to be sent at the end of this turn of the loop."""
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    @abstractmethod
    def _flush(self) -> None:
        """Send it."""


class OctetConnection(Connection, asyncio.Protocol):
    """A connection over TCP, with or without TLS."""

    _transport: asyncio.Transport | None = None
    _opening: asyncio.Task[None] | None = None

    @abstractmethod
    def octets(self) -> bytes:
        """What is to be sent, once."""

    @abstractmethod
    def take(self, data: bytes) -> bool:
        """Match what came with the exchanges in flight; returns whether anything was whole. Raises WireError."""

    @property
    def tls_object(self) -> ssl.SSLObject | None:
        """The TLS state of an open connection."""
        return self._transport.get_extra_info("ssl_object") if self._transport else None

    def open(self, tls: ClientTls | None, source: str) -> None:
        """Begin to connect."""
        self._tls = tls
        self._opening = self._loop.create_task(self._open(source))

    def close(self) -> None:
        """Close without waiting for anything; what a silent peer has not taken is thrown away."""
        if self._opening is not None:
            self._opening.cancel()
        if self._transport is not None and self._transport.get_write_buffer_size():
            self._transport.abort()
        elif self._transport is not None:
            self._transport.close()

    def way(self) -> str:
        """What the connection does at the moment, as errors name it."""
        if self._transport is None:
            return f"dial tcp {self._address}"
        return f"read tcp {self._local}->{self._address}"

    def _flush(self) -> None:
        self._flushing = False
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        octets = self.octets()
        if octets:
            transport.write(octets)
            if transport.get_write_buffer_size() > MAX_UNSENT:
                self._reason = "the peer does not read"
                transport.abort()

    async def _open(self, source: str) -> None:
        options: dict[str, Any] = {"local_addr": (source, 0)} if source else {}
        if self._tls is not None:
            options |= {
                "ssl": self._tls.context(self.protocol),
                "server_hostname": self._address.certificate_name,
                "ssl_handshake_timeout": CONNECT_TIMEOUT,
                "ssl_shutdown_timeout": SHUTDOWN_TIMEOUT,
            }
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT):
                await self._loop.create_connection(lambda: self, self._address.host, self._address.port, **options)
        except ssl.SSLError as error:
            self._on_lost(self, f"dial tcp {self._address}: {reason(error)}", error)
        except TimeoutError as error:
            self._on_lost(self, f"dial tcp {self._address}: i/o timeout", error)
        except OSError as error:
            self._on_lost(self, f"dial tcp {self._address}: connect: {reason_of(error)}", error)

    def _objection(self) -> str:
        """Why nothing may be sent to the peer; empty where it may."""
        tls, peer = self._tls, self.tls_object
        if tls is None:
            return ""
        if self.protocol and (peer is None or peer.selected_alpn_protocol() != self.protocol):
            return f"tls: the server does not speak {self.protocol}"
        return tls.objection_to(peer)

    # --- called by asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what was asked meanwhile, unless the peer has another key than it should."""
        self._transport = cast(asyncio.Transport, transport)
        self._local = shown(transport.get_extra_info("sockname") or ("", 0))
        objection = self._objection()
        if objection:
            self._on_lost(self, f"dial tcp {self._address}: {objection}", None)
            self._transport.abort()
        else:
            self._flush()

    def data_received(self, data: bytes) -> None:
        """Take answers."""
        try:
            whole = self.take(data)
        except WireError as error:
            self._reason = str(error)
            cast(asyncio.Transport, self._transport).abort()
            return
        if whole:
            self._on_heard(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Tell that nothing more will come."""
        text = reason_of(error) if isinstance(error, OSError) else self._reason
        self._on_lost(self, f"{self.way()}: {text}", error)
