"""The datagrams of one UDP socket, for protocols that keep connections: many for one system call where that exists."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Final, NamedTuple, TypeAlias

from resolver.listeners import batch

Address: TypeAlias = tuple[str, int]
Origin: TypeAlias = Any
"""Whence a datagram came, and which address it asked; hashable, of use to ``Datagrams`` only."""

_LONGEST: Final = 4096  # octets; more than any path takes in one piece
_BURST: Final = 64
_CONTROL_SPACE: Final = 128


class Ends(NamedTuple):
    """Both ends of a path."""

    client: Address
    local: Address


class Datagrams:
    """Reads and writes one bound UDP socket, which it owns from here on.

    ``received`` is given each datagram with its origin and may give one back to be sent there; ``read`` is called when
    those that waited have been looked at. On a wildcard socket all leave from the address that was asked.
    """

    def __init__(
        self,
        sock: socket.socket,
        received: Callable[[bytes, Origin], bytes | None],
        read: Callable[[], None],
        *,
        batched: bool = batch.AVAILABLE,
    ) -> None:
        self.sock = sock
        self.local: Address = sock.getsockname()[:2]
        self._received = received
        self._read = read
        self._wildcard = self.local[0] in ("0.0.0.0", "::") and sock.family in batch.RECEIVE_INFORMATION
        self._batch = batch.Batch(sock, wildcard=self._wildcard) if batched else None
        if self._batch is None and self._wildcard:
            sock.setsockopt(*batch.RECEIVE_INFORMATION[sock.family], 1)
        self._out: list[tuple[Origin, bytes]] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Begin to read, in the running loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.sock.fileno(), self._readable)

    def stop(self) -> None:
        """Read no more."""
        if self._loop is not None:
            self._loop.remove_reader(self.sock.fileno())
            self._loop = None

    def close(self) -> None:
        """Send what was given, and close the socket."""
        self.flush()
        self.stop()
        self.sock.close()

    def send(self, origin: Origin, octets: bytes) -> None:
        """Keep a datagram until ``flush``."""
        self._out.append((origin, octets))

    def flush(self) -> None:
        """Send what was given. What the kernel has no room for is lost; whoever needs it sends it again."""
        out, self._out = self._out, []
        if not out or self.sock.fileno() < 0:
            return
        if self._batch is not None:
            self._batch.send_late(out)
            return
        for origin, octets in out:
            self._send_one(origin, octets)

    def ends(self, origin: Origin) -> Ends:
        """The addresses that an origin stands for."""
        if self._batch is None:
            client, asked = origin
        else:
            client, asked = batch.address_of(self.sock.family, origin), batch.information_of(self.sock.family, origin)
        local = (_host(self.sock.family, asked), self.local[1]) if asked else self.local
        return Ends(client[:2], local)

    def _readable(self) -> None:
        if self._batch is not None:
            self._batch.serve(None, 0.0, self._take_slot)
        else:
            self._read_singly()
        self._read()

    def _take_slot(self, packet: bytes, slot: int) -> bytes | None:
        return self._received(packet, self._batch.origin(slot)) if self._batch is not None else None

    def _read_singly(self) -> None:
        sock, wildcard, asked = self.sock, self._wildcard, b""
        for _ in range(_BURST):
            try:
                if wildcard:
                    packet, ancillary, _, client = sock.recvmsg(_LONGEST, _CONTROL_SPACE)
                    asked = ancillary[0][2] if ancillary else b""
                else:
                    packet, client = sock.recvfrom(_LONGEST)
            except OSError:
                return  # nothing left, or the ICMP error of an earlier one: the next read goes on
            back = self._received(packet, (client, asked))
            if back:
                self._send_one((client, asked), back)

    def _send_one(self, origin: Origin, octets: bytes) -> None:
        client, asked = origin
        try:
            self.sock.sendmsg([octets], batch.way_back(self.sock.family, asked), 0, client)
        except OSError:
            pass  # as if it had been lost on the way


def _host(family: int, information: bytes) -> str:
    if family == socket.AF_INET:
        return socket.inet_ntop(socket.AF_INET, information[4:8])
    return socket.inet_ntop(socket.AF_INET6, information[:16])
