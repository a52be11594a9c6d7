"""One QUIC connection to an upstream, whatever is spoken on it (RFC 9000); aioquic keeps its state."""

from __future__ import annotations

import asyncio
import socket
import ssl
from abc import abstractmethod
from asyncio import AbstractEventLoop
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import ConnectionTerminated, HandshakeCompleted, QuicEvent
from aioquic.tls import SessionTicket
from cryptography.hazmat.primitives.serialization import Encoding

from resolver.errors import UpstreamError
from resolver.upstream.address import Address, family, reason_of, shown, sockaddr
from resolver.upstream.connection import CONNECT_TIMEOUT, Connection
from resolver.upstream.exchange import Outcome, finish
from resolver.upstream.tls import ClientTls

STREAMS: Final = 100  # at once on a connection
IDLE: Final = 30.0  # seconds without any packet after which a connection is over; unused ones are closed before
_WINDOW: Final = 1 << 20  # octets of all answers together that may be under way
_STREAM_WINDOW: Final = 128 << 10  # octets of an answer; the longest has half as many
_DATAGRAM: Final = 1200
_LONGEST: Final = 4096
_BURST: Final = 64
_CRYPTO_ERROR: Final = 0x100  # and the number of an alert of TLS (RFC 9001 section 4.8)


@dataclass(slots=True)
class Remembered:
    """What makes the next connection to the same upstream begin faster."""

    ticket: SessionTicket | None = None
    token: bytes = b""

    def keep_ticket(self, ticket: SessionTicket) -> None:
        """Sessions are resumed, but without early data: a query in it could be replayed (RFC 9250 section 4.5)."""
        self.ticket = replace(ticket, max_early_data_size=None)

    def keep_token(self, token: bytes) -> None:
        """Spares the upstream to ask whether we receive at our address."""
        self.token = token


class QuicLink(Connection):
    """A connection on which the key is the number of the stream. Queries leave when the handshake is done."""

    pipelines: ClassVar[bool] = True
    NO_ERROR: ClassVar[int] = 0
    CANCELLED: ClassVar[int] = 0
    PROTOCOL_ERROR: ClassVar[int] = 0

    def __init__(
        self,
        loop: AbstractEventLoop,
        address: Address,
        now: float,
        on_heard: Callable[[Connection], None],
        on_lost: Callable[[Connection, str, Exception | None], None],
        remembered: Remembered,
    ) -> None:
        super().__init__(loop, address, now, on_heard, on_lost)
        self.depth = self.most = STREAMS
        self.session_kept = True  # in ``remembered``
        self._remembered = remembered
        self._quic: QuicConnection | None = None
        self._sock: socket.socket | None = None
        self._peer: tuple[Any, ...] = ()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0
        self._patience: asyncio.TimerHandle | None = None
        self._early: list[int] = []
        self._ready = self._over = False
        self._next = 0

    # --- what is spoken

    @abstractmethod
    def speak(self, stream: int) -> None:
        """Send the request of a stream."""

    def ready(self) -> None:
        """The handshake is done."""

    @abstractmethod
    def hear(self, event: QuicEvent) -> None:
        """Something has come on a stream."""

    # --- as for other connections

    def begin(self, future: asyncio.Future[Outcome], request: Any, deadline: float) -> int:
        stream, self._next = self._next, self._next + 4
        self.pending[stream] = (future, request, deadline)
        if self._ready:
            self.speak(stream)
            self._widen()
            self.send_soon()
        else:
            self._early.append(stream)
        return stream

    def withdraw(self, key: int) -> None:
        if self._quic is None or not self._ready:
            return
        try:
            self._quic.stop_stream(key, self.CANCELLED)
            self._quic.reset_stream(key, self.CANCELLED)
        except ValueError:
            return  # it is over
        self.send_soon()

    def open(self, tls: ClientTls | None, source: str) -> None:
        self._tls = tls
        try:
            self._quic = quic = self._made(tls)
            self._peer = sockaddr(self._address.host, self._address.port)
            self._sock = sock = socket.socket(family(self._address.host), socket.SOCK_DGRAM)
            sock.setblocking(False)
            if source:
                sock.bind((source, 0))
            sock.connect(self._peer)
        except OSError as error:
            self._loop.call_soon(self._fail, f"connect: {reason_of(error)}", error)
            return
        except UpstreamError as error:
            self._loop.call_soon(self._fail, str(error), error)
            return
        quic.connect(self._peer, self._loop.time())
        self._loop.add_reader(sock.fileno(), self._readable)
        self._patience = self._loop.call_later(CONNECT_TIMEOUT, self._too_slow)
        self._flush()

    def close(self) -> None:
        """Say goodbye, and expect no answer."""
        if self._quic is not None and not self._over:
            self._quic.close(error_code=self.NO_ERROR)
            self._flush()
        self._release()

    def way(self) -> str:
        if self._sock is None or not self._ready or self._sock.fileno() < 0:
            return f"dial udp {self._address}"
        return f"read udp {shown(self._sock.getsockname())}->{self._address}"

    def _flush(self) -> None:
        self._flushing = False
        quic, sock = self._quic, self._sock
        if quic is None or sock is None or self._over:
            return
        try:
            for octets, _ in quic.datagrams_to_send(self._loop.time()):
                sock.send(octets)
        except BlockingIOError:
            pass  # as if it had been lost on the way
        except OSError as error:
            self._fail(reason_of(error), error)
            return
        self._arm()

    # --- packets and time

    def _made(self, tls: ClientTls | None) -> QuicConnection:
        configuration = configuration_of(self._address, tls, self.protocol)
        configuration.session_ticket = self._remembered.ticket
        configuration.token, self._remembered.token = self._remembered.token, b""  # one token, one use
        return QuicConnection(
            configuration=configuration,
            session_ticket_handler=self._remembered.keep_ticket,
            token_handler=self._remembered.keep_token,
        )

    def _readable(self) -> None:
        quic, sock = self._quic, self._sock
        if quic is None or sock is None:
            return
        try:
            for _ in range(_BURST):
                quic.receive_datagram(sock.recv(_LONGEST), self._peer, self._loop.time())
        except BlockingIOError:
            pass
        except OSError as error:
            self._fail(reason_of(error), error)
            return
        except Exception as error:  # whatever a packet does, it does it to this connection only
            self._fail(f"quic: {type(error).__name__}", error)
            return
        self._take_events()

    def _take_events(self) -> None:
        """Tell apart what has happened; answers are counted once for all that came together."""
        before = self.answered
        while not self._over and self._quic is not None:
            event = self._quic.next_event()
            if event is None:
                break
            if isinstance(event, HandshakeCompleted):
                self._begin()
            elif isinstance(event, ConnectionTerminated):
                self._fail(_reason(event), None)
            elif self._ready:
                self.hear(event)
        if self._over:
            return
        self._widen()
        self._flush()
        if self.answered != before:
            self._on_heard(self)

    def _begin(self) -> None:
        objection = self._objection()
        if objection:
            self._fail(objection, None)
            return
        if self._patience is not None:
            self._patience.cancel()
        self._ready = True
        self.ready()
        early, self._early = self._early, []
        for stream in early:
            self.speak(stream)

    def _objection(self) -> str:
        shown = self._quic.tls._peer_certificate if self._quic is not None else None
        if self._tls is None or not self._tls.settings.pins:
            return ""
        if shown is None:  # a resumed session is one with whoever had the right key before
            return ""
        return self._tls.objection(shown.public_bytes(Encoding.DER))

    def _widen(self) -> None:
        """As many queries as the upstream has room for; it raises that as streams end."""
        if self._quic is not None and self._ready:
            room = self._quic._remote_max_streams_bidi - self._next // 4
            self.depth = self.most = max(0, min(STREAMS, len(self.pending) + room))

    def _arm(self) -> None:
        when = self._quic.get_timer() if self._quic is not None else None
        if when is None or (self._timer is not None and self._rings_at <= when):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = when  # uvloop's handles do not always know
        self._timer = self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._quic is None or self._over:
            return
        now, when = self._loop.time(), self._quic.get_timer()
        if when is not None and when > now + 0.001:
            self._arm()
            return
        self._quic.handle_timer(max(now, when or now))
        self._take_events()

    # --- the end

    def answer(self, stream: int, outcome: Outcome) -> None:
        """An exchange has ended."""
        waiting = self.pending.get(stream)
        if waiting is not None:
            self.forget(stream)
            finish(waiting[0], outcome)

    def broken(self, why: str) -> None:
        """The upstream breaks the rules."""
        if self._quic is not None and not self._over:
            self._quic.close(error_code=self.PROTOCOL_ERROR)
            self._flush()
        self._fail(why, None)

    def _too_slow(self) -> None:
        if not self._ready:
            self._fail("i/o timeout", TimeoutError())

    def _fail(self, why: str, error: Exception | None) -> None:
        if self._over:
            return
        way = self.way()
        if self._quic is not None and self._sock is not None and not isinstance(error, OSError):
            self._quic.close(error_code=self.NO_ERROR)
            self._flush()
        self._release()
        self._on_lost(self, f"{way}: {why}", error)

    def _release(self) -> None:
        self._over = True
        for timer in (self._timer, self._patience):
            if timer is not None:
                timer.cancel()
        if self._sock is not None and self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock.fileno())
            self._sock.close()


def configuration_of(address: Address, tls: ClientTls | None, protocol: str) -> QuicConfiguration:
    """How a connection is set up. Raises UpstreamError for files that cannot be used."""
    made = QuicConfiguration(
        is_client=True,
        alpn_protocols=[protocol],
        idle_timeout=IDLE,
        max_data=_WINDOW,
        max_stream_data=_STREAM_WINDOW,
        max_datagram_size=_DATAGRAM,
        server_name=address.certificate_name,
    )
    if tls is None:
        raise UpstreamError("an encrypted upstream needs to know whom to trust")
    files = tls.settings.files
    if tls.settings.pin_only:
        made.verify_mode = ssl.CERT_NONE
    elif files.authority is not None:
        made.load_verify_locations(cafile=str(files.authority))
    else:
        made.cafile, made.capath = _system()
    if files.certificate is not None and files.key is not None:
        try:
            made.load_cert_chain(files.certificate, files.key)
        except (OSError, ValueError):
            raise UpstreamError(f"{files.certificate} and {files.key} are not a certificate and its key") from None
    return made


def _system() -> tuple[str | None, str | None]:
    """Where the authorities of the system are; where it has none, the library's own are used."""
    paths = ssl.get_default_verify_paths()
    there = [path if path and Path(path).exists() else None for path in (paths.cafile, paths.capath)]
    return there[0], there[1]


def _reason(event: ConnectionTerminated) -> str:
    if _CRYPTO_ERROR <= event.error_code < 2 * _CRYPTO_ERROR:
        return f"tls: {_plain(event.reason_phrase) or f'alert {event.error_code - _CRYPTO_ERROR}'}"
    return f"quic: connection closed, error {event.error_code:#x} {_plain(event.reason_phrase)}".rstrip()


def _plain(text: str) -> str:
    """What may have come from the upstream, fit for a log."""
    return ascii(text[:100])[1:-1]
