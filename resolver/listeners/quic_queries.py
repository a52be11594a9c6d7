"""DNS over dedicated QUIC connections: one query on each stream (RFC 9250)."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from aioquic.quic.events import StreamDataReceived

from resolver.chain.query import parse
from resolver.errors import EdnsError, WireError
from resolver.listeners.quic_client import QuicClient
from resolver.listeners.quic_library import is_reset, unsent
from resolver.wire.constants import HEADER_SIZE, MAX_MESSAGE
from resolver.wire.edns import has_option
from resolver.wire.framing import frame

if TYPE_CHECKING:
    from aioquic.quic.connection import QuicConnection

    from resolver.listeners.connection import Many
    from resolver.listeners.quic import QuicListener
    from resolver.listeners.quic_datagrams import Ends, Origin

NO_ERROR: Final = 0x0
INTERNAL_ERROR: Final = 0x1
PROTOCOL_ERROR: Final = 0x2
EXCESSIVE_LOAD: Final = 0x4
UNSPECIFIED_ERROR: Final = 0x5

_KEEPALIVE: Final = 11  # option that has no place here (RFC 9250 section 5.5.2)
_NOBODY: Final = ("", 0)
_AHEAD: Final = 128 << 10  # octets of a transfer that may wait for the client


class DoqClient(QuicClient):
    """One client of DNS over QUIC."""

    PROTOCOLS: ClassVar[tuple[str, ...]] = ("doq",)
    TRANSPORT: ClassVar[str] = "quic"
    NO_ERROR: ClassVar[int] = NO_ERROR
    INTERNAL: ClassVar[int] = INTERNAL_ERROR
    EXCESSIVE: ClassVar[int] = EXCESSIVE_LOAD

    def __init__(self, listener: QuicListener, quic: QuicConnection, origin: Origin, ends: Ends) -> None:
        super().__init__(listener, quic, origin, ends)
        self._transfers: dict[int, Many] = {}
        self._pumping = False

    def heard(self, event: StreamDataReceived) -> None:
        stream, data = event.stream_id, event.data
        begun = self.coming.get(stream)
        if begun is None:
            if is_reset(self.quic, stream):
                return
            if event.end_stream:  # almost every query comes in one piece
                self._complete(stream, data)
                return
            begun = self.coming[stream] = bytearray()
            self.listener.begun(self, stream)
        begun += data
        if len(begun) > MAX_MESSAGE + 2 or (len(begun) > 2 and len(begun) > 2 + (begun[0] << 8 | begun[1])):
            self._broken()
        elif event.end_stream:
            del self.coming[stream]
            self.listener.complete(self, stream)
            self._complete(stream, bytes(begun))

    def _complete(self, stream: int, octets: bytes) -> None:
        """All of a stream is there: the length, and one query whose ID is 0."""
        packet = octets[2:]
        if (
            len(octets) < 2 + HEADER_SIZE
            or octets[0] << 8 | octets[1] != len(packet)
            or packet[0]
            or packet[1]
            or packet[2] & 0x80
            or (b"\0\x0b\0" in packet and _has_keepalive(packet))
        ):
            self._broken()
        else:
            self.ask(stream, packet)

    def _broken(self) -> None:
        """What breaks the rules ends the connection (RFC 9250 section 4.3.3)."""
        self.listener.metrics.responded(PROTOCOL_ERROR)
        self.end(PROTOCOL_ERROR, "malformed")

    def respond(self, stream: int, answer: bytes) -> int:
        if not answer:
            self.listener.metrics.responded(UNSPECIFIED_ERROR)
            self.quic.reset_stream(stream, UNSPECIFIED_ERROR)
            return 0
        self.listener.metrics.responded(NO_ERROR)
        self.quic.send_stream_data(stream, frame(answer), end_stream=True)
        return len(answer) + 2

    # --- transfers: all messages on the one stream (RFC 9250 section 4.2)

    def transfer(self, stream: int, messages: Many) -> None:
        self._transfers[stream] = messages
        self._pump_soon()

    def transmit(self, now: float) -> None:
        super().transmit(now)
        if self._transfers:
            self._pump_soon()

    def drop(self, stream: int) -> None:
        messages = self._transfers.pop(stream, None)
        if messages is not None:
            messages.close()
        super().drop(stream)

    def release(self) -> None:
        super().release()
        for messages in self._transfers.values():
            messages.close()
        self._transfers.clear()

    def _pump_soon(self) -> None:
        if not self._pumping and any(unsent(self.quic, stream) < _AHEAD for stream in self._transfers):
            self._pumping = True
            self.listener.loop.call_soon(self._pump)

    def _pump(self) -> None:
        """One message of each transfer whose client can take it: all others of this loop have their turn in between."""
        self._pumping = False
        for stream in [stream for stream in self._transfers if unsent(self.quic, stream) < _AHEAD]:
            self._send_next(stream, self._transfers[stream])
        self.listener.touch(self)

    def _send_next(self, stream: int, messages: Many) -> None:
        try:
            self.quic.send_stream_data(stream, frame(next(messages)))
        except StopIteration:
            self.quic.send_stream_data(stream, b"", end_stream=True)
            self.listener.metrics.responded(NO_ERROR)
        except WireError:  # the client must see that this is not the end
            self.quic.reset_stream(stream, INTERNAL_ERROR)
            self.listener.metrics.responded(INTERNAL_ERROR)
        else:
            return
        self.drop(stream)


def _has_keepalive(packet: bytes) -> bool:
    try:
        edns = parse(packet, _NOBODY, _NOBODY, "quic", 0.0).edns
        return edns is not None and has_option(edns.options, _KEEPALIVE)
    except (EdnsError, WireError):
        return False  # is answered with FORMERR
