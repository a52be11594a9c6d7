"""Linux's recvmmsg and sendmmsg through ctypes: their structures, and sending over a connected socket."""

from __future__ import annotations

import ctypes
import errno
import sys
from collections.abc import Sequence
from ctypes import POINTER, c_char, c_int, c_size_t, c_uint, c_void_p
from socket import MSG_DONTWAIT
from typing import Any, Final


class IoVec(ctypes.Structure):
    """struct iovec"""

    _fields_ = (("base", c_void_p), ("length", c_size_t))


class MsgHdr(ctypes.Structure):
    """struct msghdr"""

    _fields_ = (
        ("name", c_void_p), ("namelen", c_uint), ("iov", POINTER(IoVec)), ("iovlen", c_size_t),
        ("control", c_void_p), ("controllen", c_size_t), ("flags", c_int),
    )  # fmt: skip


class MMsgHdr(ctypes.Structure):
    """struct mmsghdr"""

    _fields_ = (("hdr", MsgHdr), ("len", c_uint))


def _library() -> ctypes.CDLL | None:
    little_64 = sys.byteorder == "little" and ctypes.sizeof(c_void_p) == 8
    if not sys.platform.startswith("linux") or not little_64:
        return None
    try:
        library = ctypes.PyDLL(None, use_errno=True)  # never blocks, so the interpreter lock need not be given up
        for function in (library.recvmmsg, library.sendmmsg):
            function.restype = c_int
    except (OSError, AttributeError):
        return None
    return library


LIBC: Final[Any] = _library()
AVAILABLE: Final = LIBC is not None
STRIDE: Final = ctypes.sizeof(MMsgHdr)
_CROWDED: Final = (errno.EAGAIN, errno.ENOBUFS)
DONTWAIT: Final = c_int(MSG_DONTWAIT)


def send_all(fd: c_int, headers: ctypes.Array[MMsgHdr], count: int) -> int:
    """Send the first ``count`` messages; one that the kernel refuses is left out (UDP may lose datagrams).

    How many were left out for want of room.
    """
    done = crowded = 0
    while done < count:
        sent: int = LIBC.sendmmsg(fd, ctypes.byref(headers, done * STRIDE), c_uint(count - done), DONTWAIT)
        if sent < 0:
            reason = ctypes.get_errno()
            if reason == errno.EINTR:
                continue
            crowded += reason in _CROWDED
            sent = 1
        done += max(sent, 1)
    return crowded


class Outbox:
    """Memory in which datagrams for a connected socket are laid out side by side."""

    SLOTS: Final = 64
    LONGEST: Final = 512  # octets of a datagram

    def __init__(self) -> None:
        self._octets = bytearray(self.SLOTS * self.LONGEST)
        base = ctypes.addressof(c_char.from_buffer(self._octets))
        self._headers = (MMsgHdr * self.SLOTS)()
        self._vectors = (IoVec * self.SLOTS)()
        self._lengths = memoryview(self._vectors).cast("B").cast("Q")
        for slot in range(self.SLOTS):
            self._vectors[slot].base = base + slot * self.LONGEST
            self._headers[slot].hdr.iov = ctypes.pointer(self._vectors[slot])
            self._headers[slot].hdr.iovlen = 1

    def send(self, fd: int, datagrams: Sequence[bytes]) -> int:
        """Send as many as the kernel takes now, at most SLOTS, each at most LONGEST octets; how many left.

        Less than asked for where one was refused; sending that one by itself tells why.
        """
        octets, lengths = self._octets, self._lengths
        count = min(len(datagrams), self.SLOTS)
        for slot in range(count):
            datagram = datagrams[slot]
            start, length = slot * self.LONGEST, len(datagram)
            octets[start : start + length] = datagram
            lengths[slot + slot + 1] = length
        sent: int = LIBC.sendmmsg(c_int(fd), self._headers, c_uint(count), DONTWAIT)
        return max(sent, 0)
