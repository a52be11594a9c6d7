"""Netlink as nftables speaks it (linux/netfilter/nfnetlink.h): a socket, and the octets of messages."""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from typing import Final

INET: Final = 1  # NFPROTO_INET: both families in one table
BATCH_BEGIN, BATCH_END = 0x10, 0x11
ERROR, DONE = 2, 3
REQUEST, ACK, DUMP, CREATE, APPEND = 0x1, 0x4, 0x300, 0x400, 0x800
RECEIVED: Final = 1 << 16  # octets that are read at once

_NETFILTER: Final = 12
_NFTABLES: Final = 10
_NESTED: Final = 0x8000
_KIND: Final = 0x3FFF

Step = tuple[int, int, bytes]
"""Kind, flags and body of a message."""


def opened(groups: int = 0) -> socket.socket:
    """A socket that hears of the groups (bits) too. Raises OSError."""
    if not hasattr(socket, "AF_NETLINK"):
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETFILTER)
    try:
        made.bind((0, groups))
    except OSError:
        made.close()
        raise
    return made


def reason_of(code: int) -> str:
    """Why the kernel said no, by its errno."""
    return "it takes the capability NET_ADMIN" if code in (errno.EPERM, errno.EACCES) else os.strerror(code)


def message(kind: int, flags: int, sequence: int, body: bytes = b"", *, family: int = INET, group: int = 0) -> bytes:
    """One message with nfnetlink's header."""
    head = struct.pack("=IHHII", 20 + len(body), kind, flags, sequence, 0)
    return head + struct.pack(">BBH", family, 0, group) + body


def batch(steps: Sequence[Step], *, before: int = 0, family: int = INET, state: bytes = b"") -> bytes:
    """Messages that take effect together or not at all; their sequence numbers follow ``before``.

    Only the last one is acknowledged: an error is told in any case, and many answers do not fit into a socket. With
    the ``state`` (attributes) they take effect only while that is the state of all rules.
    """
    last = before + len(steps)
    middle = [
        message(kind, flags | REQUEST | (ACK if at == last else 0), at, body, family=family)
        for at, (kind, flags, body) in enumerate(steps, before + 1)
    ]
    begin = message(BATCH_BEGIN, REQUEST, before, state, family=0, group=_NFTABLES)
    return begin + b"".join(middle) + message(BATCH_END, REQUEST, last + 1, family=0, group=_NFTABLES)


def replies(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """Kind, sequence number, port and body (behind the netlink header) of each message that came."""
    while len(data) >= 20:
        length, kind, _, sequence, port = struct.unpack_from("=IHHII", data)
        if length < 20:
            return
        yield kind, sequence, port, data[16:length]
        data = data[(length + 3) & ~3 :]


def code_of(body: bytes) -> int:
    """The errno in a message of kind ERROR, 0 where it acknowledges."""
    return -int(struct.unpack_from("=i", body)[0])


def listed(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Attributes one after the other: kind and value."""
    while len(octets) >= 4:
        length, kind = struct.unpack_from("=HH", octets)
        if length < 4:
            return
        yield kind & _KIND, octets[4:length]
        octets = octets[(length + 3) & ~3 :]


def attributes(octets: bytes) -> dict[int, bytes]:
    """The attributes by their kind."""
    return dict(listed(octets))


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute as octets."""
    return struct.pack("=HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def nested(kind: int, value: bytes) -> bytes:
    """An attribute whose value is attributes."""
    return attribute(kind | _NESTED, value)


def number(kind: int, value: int) -> bytes:
    """An attribute with a number of 32 bits."""
    return attribute(kind, struct.pack(">I", value))


def text(kind: int, value: str) -> bytes:
    """An attribute with a text."""
    return attribute(kind, value.encode() + b"\0")
