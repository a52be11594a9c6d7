"""Many datagrams for one system call: Linux's recvmmsg and sendmmsg through ctypes.

All memory is laid out once. A received datagram is answered from its own slot, so the client's address is never
turned into Python objects and back, and on a wildcard socket the answer leaves from the address that was asked
(the kernel's own packet information goes back with it).
"""

from __future__ import annotations

import contextlib
import ctypes
import socket
from collections.abc import Callable
from ctypes import c_char, c_int, c_uint
from typing import Any, Final

from resolver.sockets.mmsg import AVAILABLE, LIBC, STRIDE, IoVec, MMsgHdr, MsgHdr, send_all

__all__ = ["AVAILABLE", "SLOTS", "Batch", "way_back"]

SLOTS: Final = 64
_RECEIVED: Final = 4096  # octets for a query; a longer one is cut off and so malformed
_SENT: Final = 4096  # octets for an answer; longer ones are sent one by one
_NAME: Final = 32  # octets for a socket address
_CONTROL: Final = 64  # octets for packet information

_IP_PKTINFO = 8  # Linux's number; the socket module of Python 3.11 does not name it
RECEIVE_INFORMATION: Final = {
    socket.AF_INET: (socket.IPPROTO_IP, _IP_PKTINFO),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO),
}
SEND_INFORMATION: Final = {
    socket.AF_INET: (socket.IPPROTO_IP, _IP_PKTINFO),
    socket.AF_INET6: (socket.IPPROTO_IPV6, socket.IPV6_PKTINFO),
}
_WORDS = STRIDE // 4
_LEN_WORD = MMsgHdr.len.offset // 4
_LONGS = STRIDE // 8
_NAME_LONG = MsgHdr.name.offset // 8
_CONTROL_LONG = MsgHdr.control.offset // 8
_CONTROLLEN_LONG = MsgHdr.controllen.offset // 8

_HOST_AT = {socket.AF_INET: slice(4, 8), socket.AF_INET6: slice(8, 24)}  # the host in a socket address
_PORT_AT = 2  # the port in a socket address
_NAME_LENGTH = {socket.AF_INET: 16, socket.AF_INET6: 28}  # octets of a socket address
_ELSEWHERE = -1  # the address of an answer is not in any slot
_HEADER = 16  # octets of a control message's header
_INFORMATION = {socket.AF_INET: 12, socket.AF_INET6: 20}  # octets of packet information
_INDEX_AT = {socket.AF_INET: _HEADER, socket.AF_INET6: _HEADER + 16}  # where the interface index stands


def way_back(family: socket.AddressFamily, asked: bytes) -> list[tuple[int, int, bytes]]:
    """Ancillary data for ``sendmsg`` that lets an answer leave from the address that was asked."""
    if not asked:
        return []
    at = _INDEX_AT[family] - _HEADER  # the way back need not be the interface on which the query came
    return [(*SEND_INFORMATION[family], asked[:at] + bytes(4) + asked[at + 4 :])]


class Batch:
    """The memory for one socket's datagrams, and the two calls."""

    def __init__(self, sock: socket.socket, *, wildcard: bool) -> None:
        self._sock = sock
        self.fd = sock.fileno()
        self.family = sock.family
        self._index_at = _INDEX_AT[sock.family]
        self._name_length = _NAME_LENGTH[sock.family]
        self._peer_length = _HOST_AT[sock.family].stop - _PORT_AT
        self._host_at = _HOST_AT[sock.family].start - _PORT_AT
        self.wildcard = wildcard
        if wildcard:
            sock.setsockopt(*RECEIVE_INFORMATION[sock.family], 1)
        self.received: Any = (c_char * (SLOTS * _RECEIVED))()
        self._names: Any = (c_char * (SLOTS * _NAME))()
        self._controls: Any = (c_char * (SLOTS * _CONTROL))()
        self._out_octets = bytearray(SLOTS * _SENT)
        self._in, self._in_vectors = self._headers(self.received, _RECEIVED)
        self._out, self._out_vectors = self._headers((c_char * (SLOTS * _SENT)).from_buffer(self._out_octets), _SENT)
        self._origins = list(range(SLOTS))
        self._late_names = bytearray(SLOTS * _NAME)
        self._late_name_base = ctypes.addressof(c_char.from_buffer(self._late_names))
        self._late_controls = bytearray(SLOTS * _CONTROL)
        self._late_control_base = ctypes.addressof(c_char.from_buffer(self._late_controls))
        self._in_words = memoryview(self._in).cast("B").cast("I")
        self._in_longs = memoryview(self._in).cast("B").cast("Q")
        self._out_longs = memoryview(self._out).cast("B").cast("Q")
        self._out_lengths = memoryview(self._out_vectors).cast("B").cast("Q")
        self._control_octets = memoryview(self._controls).cast("B")
        self._name_base = ctypes.addressof(self._names)
        self._control_base = ctypes.addressof(self._controls)
        self._count = 0
        self._receive_arguments = (c_int(self.fd), self._in, c_uint(SLOTS), c_int(socket.MSG_DONTWAIT), None)
        self._arguments_fd = c_int(self.fd)

    def receive(self) -> int:
        """Fill the slots; how many datagrams came, 0 when there are none."""
        if self.wildcard:  # the kernel wrote how much information came with the datagrams of the last round
            longs = self._in_longs
            for slot in range(self._count):
                longs[slot * _LONGS + _CONTROLLEN_LONG] = _CONTROL
        count: int = LIBC.recvmmsg(*self._receive_arguments)
        self._count = max(count, 0)
        return self._count

    def serve(
        self,
        answer: Callable[[bytes, float], bytes | None] | None,
        now: float,
        otherwise: Callable[[bytes, int], bytes | None],
    ) -> int:
        """Receive once, and send what ``answer`` has for each datagram at this time, or else what ``otherwise`` has.

        Where ``answer`` is None it has nothing. ``otherwise`` is given the datagram and its slot, and may have nothing
        to send. How many answers the kernel had
        no room for.
        """
        received, words, out, lengths, origins = (
            self.received, self._in_words, self._out_octets, self._out_lengths, self._origins,
        )  # fmt: skip
        place = 0
        for slot in range(self.receive()):
            start = slot * _RECEIVED
            packet = received[start : start + words[slot * _WORDS + _LEN_WORD]]
            octets = (answer is not None and answer(packet, now)) or otherwise(packet, slot)
            if not octets:
                continue
            length = len(octets)
            if length > _SENT:
                self._send_long(self.origin(slot), octets)
                continue
            start = place * _SENT
            out[start : start + length] = octets
            lengths[place + place + 1] = length
            if origins[place] != slot:
                self._turn_to(place, slot)
            if self.wildcard:
                self._answer_from(place, slot)
            place += 1
        return self.send(place) if place else 0

    def _turn_to(self, place: int, slot: int) -> None:
        """Address number ``place`` to whoever sent the datagram in ``slot``."""
        self._origins[place] = slot
        self._out_longs[place * _LONGS + _NAME_LONG] = self._name_base + slot * _NAME

    def _answer_from(self, place: int, slot: int) -> None:
        """Let number ``place`` leave from the address that the datagram in ``slot`` asked."""
        longs = self._out_longs
        base = place * _LONGS
        length = self._in_longs[slot * _LONGS + _CONTROLLEN_LONG]
        longs[base + _CONTROL_LONG] = self._control_base + slot * _CONTROL if length else 0
        longs[base + _CONTROLLEN_LONG] = length
        if length:  # the way back need not be the interface on which the query came
            at = slot * _CONTROL + self._index_at
            self._control_octets[at : at + 4] = bytes(4)

    def send(self, count: int) -> int:
        """Send the first ``count`` answers; one that the kernel refuses is left out (UDP may lose answers).

        How many it had no room for.
        """
        return send_all(self._arguments_fd, self._out, count)

    def _send_long(self, origin: bytes, octets: bytes) -> None:
        """Send an answer that is too long for the common memory."""
        control = information_of(self.family, origin)
        with contextlib.suppress(OSError):
            self._sock.sendmsg([octets], way_back(self.family, control), 0, address_of(self.family, origin))

    def origin(self, slot: int) -> bytes:
        """Who sent the datagram in a slot and which address was asked, for ``send_late``."""
        raw: bytes = self._names[slot * _NAME : slot * _NAME + _NAME]
        if self.wildcard:
            start = slot * _CONTROL
            raw += self._controls[start : start + self._in_longs[slot * _LONGS + _CONTROLLEN_LONG]]
        return raw

    def send_late(self, answers: list[tuple[bytes, bytes]]) -> int:
        """Send answers that took their time: pairs of an origin and octets. How many the kernel had no room for."""
        crowded = 0
        longs, names, controls = self._out_longs, self._late_names, self._late_controls
        for first in range(0, len(answers), SLOTS):
            place = 0
            for origin, octets in answers[first : first + SLOTS]:
                length = len(octets)
                if length > _SENT:
                    self._send_long(origin, octets)
                    continue
                self._out_octets[place * _SENT : place * _SENT + length] = octets
                self._out_lengths[place + place + 1] = length
                names[place * _NAME : place * _NAME + _NAME] = origin[:_NAME]
                self._origins[place] = _ELSEWHERE
                base = place * _LONGS
                longs[base + _NAME_LONG] = self._late_name_base + place * _NAME
                if self.wildcard:
                    control = origin[_NAME:]
                    if control:  # the way back need not be the interface on which the query came
                        control = control[: self._index_at] + bytes(4) + control[self._index_at + 4 :]
                    controls[place * _CONTROL : place * _CONTROL + len(control)] = control
                    longs[base + _CONTROL_LONG] = self._late_control_base + place * _CONTROL if control else 0
                    longs[base + _CONTROLLEN_LONG] = len(control)
                place += 1
            if place:
                crowded += self.send(place)
        return crowded

    def peer(self, slot: int) -> tuple[bytes, int]:
        """The octets of the address that sent the datagram in a slot, and the port."""
        start = slot * _NAME + _PORT_AT
        octets: bytes = self._names[start : start + self._peer_length]
        return octets[self._host_at :], octets[0] << 8 | octets[1]

    def client(self, slot: int) -> Any:
        """The socket address that sent the datagram in a slot, as Python's socket calls know it."""
        return address_of(self.family, self._names[slot * _NAME : slot * _NAME + _NAME])

    def asked(self, slot: int) -> bytes:
        """Which address was asked, as packet information to answer with; empty unless the socket is a wildcard."""
        length = self._in_longs[slot * _LONGS + _CONTROLLEN_LONG] if self.wildcard else 0
        start = slot * _CONTROL + _HEADER
        raw: bytes = self._controls[start : start + length - _HEADER] if length > _HEADER else b""
        return raw[: _INFORMATION[self.family]]

    def _headers(self, octets: ctypes.Array[c_char], size: int) -> tuple[ctypes.Array[MMsgHdr], ctypes.Array[IoVec]]:
        headers = (MMsgHdr * SLOTS)()
        vectors = (IoVec * SLOTS)()
        base = ctypes.addressof(octets)
        for slot in range(SLOTS):
            vectors[slot].base = base + slot * size
            vectors[slot].length = size
            header = headers[slot].hdr
            header.name = ctypes.addressof(self._names) + slot * _NAME
            header.namelen = self._name_length
            header.iov = ctypes.pointer(vectors[slot])
            header.iovlen = 1
            if self.wildcard:
                header.control = ctypes.addressof(self._controls) + slot * _CONTROL
                header.controllen = _CONTROL
        return headers, vectors


def information_of(family: socket.AddressFamily, origin: bytes) -> bytes:
    """Which address was asked, by an origin; empty where that is not known."""
    return origin[_NAME + _HEADER : _NAME + _HEADER + _INFORMATION[family]]


def address_of(family: socket.AddressFamily, raw: bytes) -> Any:
    """The socket address in an origin, as Python's socket calls know it."""
    port = raw[2] << 8 | raw[3]
    if family == socket.AF_INET:
        return f"{raw[4]}.{raw[5]}.{raw[6]}.{raw[7]}", port
    host = socket.inet_ntop(socket.AF_INET6, raw[8:24])
    return host, port, int.from_bytes(raw[4:8], "big"), int.from_bytes(raw[24:28], "little")
