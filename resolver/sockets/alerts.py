"""TLS alerts, by which a client learns why its handshake failed. asyncio ends the connection without sending them."""

from __future__ import annotations

import socket
import ssl
from contextlib import suppress
from contextvars import ContextVar

_handshaking: ContextVar[socket.socket | None] = ContextVar("the socket of the handshake that begins", default=None)


def handshake_over(sock: socket.socket) -> None:
    """The TLS connection that this task makes from here on is over that socket."""
    _handshaking.set(sock)


class AlertingContext(ssl.SSLContext):
    """A context of servers whose handshakes over sockets that were named tell the client why they fail."""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As in SSLContext."""
        made = super().wrap_bio(incoming, outgoing, server_side, server_hostname, session)
        if isinstance(made, _Alerting):
            made.outgoing, made.sock = outgoing, _handshaking.get()
        return made


class _Alerting(ssl.SSLObject):
    outgoing: ssl.MemoryBIO | None = None
    sock: socket.socket | None = None

    def do_handshake(self) -> None:
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLError:
            self._tell()
            raise
        self.sock = None

    def _tell(self) -> None:
        """Send the alert that OpenSSL has written, if there is room; nothing else is under way then."""
        if self.sock is not None and self.outgoing is not None:
            with suppress(OSError):
                self.sock.send(self.outgoing.read())
        self.sock = None


AlertingContext.sslobject_class = _Alerting
