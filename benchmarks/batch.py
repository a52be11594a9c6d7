"""Many datagrams for one system call on a connected UDP socket: sendmmsg and recvmmsg through ctypes (Linux)."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from collections.abc import Sequence

_DONTWAIT = 0x40
_OCTETS = 4096
_PASSING = (errno.EAGAIN, errno.EINTR, errno.ECONNREFUSED, errno.ENOBUFS)
SIZE = 64


class _IoVector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _MessageHeader(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.POINTER(_IoVector)),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    _fields_ = (("header", _MessageHeader), ("length", ctypes.c_uint))


_LIBC = ctypes.CDLL(None, use_errno=True)
AVAILABLE = hasattr(_LIBC, "sendmmsg") and hasattr(_LIBC, "recvmmsg")


class Batch:
    """Buffers for up to SIZE datagrams in each direction; never waits."""

    def __init__(self, peer: socket.socket) -> None:
        self._descriptor = peer.fileno()
        self._outgoing = _Table()
        self._incoming = _Table()

    def send(self, datagrams: Sequence[bytes]) -> int:
        """How many of at most SIZE ``datagrams`` the kernel took."""
        for place, datagram in enumerate(datagrams):
            self._outgoing.fill(place, datagram)
        return _call(_LIBC.sendmmsg, self._descriptor, self._outgoing.messages, len(datagrams), _DONTWAIT)

    def receive(self) -> list[bytes]:
        """What has arrived, at most SIZE datagrams."""
        self._incoming.reset()
        count = _call(_LIBC.recvmmsg, self._descriptor, self._incoming.messages, SIZE, _DONTWAIT, None)
        return [self._incoming.read(place) for place in range(count)]


class _Table:
    """SIZE message headers, each with one buffer."""

    def __init__(self) -> None:
        self._buffers = [ctypes.create_string_buffer(_OCTETS) for _ in range(SIZE)]
        self._views = [memoryview(buffer).cast("B") for buffer in self._buffers]
        self._vectors = (_IoVector * SIZE)()
        self.messages = (_Message * SIZE)()
        for place, buffer in enumerate(self._buffers):
            self._vectors[place] = _IoVector(ctypes.addressof(buffer), _OCTETS)
            self.messages[place].header.vectors = ctypes.pointer(self._vectors[place])
            self.messages[place].header.vector_count = 1

    def fill(self, place: int, datagram: bytes) -> None:
        self._views[place][: len(datagram)] = datagram
        self._vectors[place].length = len(datagram)

    def read(self, place: int) -> bytes:
        return bytes(self._views[place][: self.messages[place].length])

    def reset(self) -> None:
        for vector in self._vectors:
            vector.length = _OCTETS


def _call(function: ctypes._NamedFuncPointer, descriptor: int, *arguments: object) -> int:
    """The count of messages; 0 where the call would have waited.

    A refusal reported late belongs to an earlier datagram, so the call is made once more.
    """
    for _ in range(2):
        count = int(function(descriptor, *arguments))
        if count >= 0:
            return count
        code = ctypes.get_errno()
        if code not in _PASSING:
            raise OSError(code, os.strerror(code))
    return 0
