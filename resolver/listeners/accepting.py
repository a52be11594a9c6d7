"""Accepting connections that have something in front of their first query: the header of a proxy, a TLS handshake.

Both count against the limit of connections and have to be complete within ``read_timeout``, so that who only begins
them cannot keep others out.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Final

from resolver.chain.proxied import REJECT, SKIP, USE, ProxyPolicy
from resolver.errors import WireError
from resolver.listeners.connection import Address, Connection
from resolver.sockets.alerts import handshake_over
from resolver.wire.proxy import LONGEST, SIGNATURE, is_incomplete, read_header

if TYPE_CHECKING:
    from resolver.listeners.tcp import TcpListener

_BACKLOG: Final = 1024
_AT_ONCE: Final = 32  # connections taken in one turn of the loop
_PAUSE: Final = 0.5  # seconds until the next try where the process has no room for another socket
_MOMENT: Final = 0.02  # seconds until the next look at the first octets


class Acceptor:
    """Takes connections for one listener and hands each to its Connection when it can carry queries."""

    def __init__(self, listener: TcpListener) -> None:
        self.pending: dict[Connection, asyncio.Task[None]] = {}  # in order of arrival
        self._listener = listener
        self._loop = listener.loop
        self._sock = listener.sock
        self._pause: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to accept."""
        self._sock.setblocking(False)
        self._sock.listen(_BACKLOG)
        self._loop.add_reader(self._sock, self._accept)

    def close(self) -> None:
        """Accept no more; what has begun goes on."""
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        if self._sock.fileno() >= 0:
            self._loop.remove_reader(self._sock)

    def abort(self) -> None:
        """Accept no more and end what has begun."""
        self.close()
        for task in self.pending.values():
            task.cancel()

    def drop_oldest(self) -> None:
        """End what began first."""
        connection = next(iter(self.pending))
        self.pending.pop(connection).cancel()

    def settled(self, connection: Connection) -> None:
        """The connection carries queries from now on, or is gone."""
        self.pending.pop(connection, None)

    def _accept(self) -> None:
        for _ in range(_AT_ONCE):
            try:
                sock, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError:  # no more files, no more memory: trying at once again would only burn time
                self._loop.remove_reader(self._sock)
                self._pause = self._loop.call_later(_PAUSE, self._resume)
                return
            sock.setblocking(False)
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._listener.makes_room():
                connection = self._listener.connection()
                task = self._loop.create_task(self._begin(connection, sock))
                task.add_done_callback(partial(self._begun, connection, sock))
                self.pending[connection] = task
            else:
                sock.close()

    def _resume(self) -> None:
        self._pause = None
        self._loop.add_reader(self._sock, self._accept)

    async def _begin(self, connection: Connection, sock: socket.socket) -> None:
        """Header and handshake of one connection; whatever goes wrong ends it and nothing else."""
        listener = self._listener
        try:
            async with asyncio.timeout(listener.settings.read_timeout or None):
                policy = listener.settings.proxy
                if policy is None or await self._header(connection, sock, policy):
                    await self._hand_over(connection, sock)
        except TimeoutError:
            listener.metrics.closed("handshake_timeout")
        except (OSError, ValueError):  # of TLS, or of the network
            listener.metrics.closed("handshake")

    def _begun(self, connection: Connection, sock: socket.socket, _: asyncio.Task[None]) -> None:
        if not connection.taken:  # a task that is cancelled at once has not even begun
            sock.close()
        self.settled(connection)
        self._listener.settle()

    async def _hand_over(self, connection: Connection, sock: socket.socket) -> None:
        tls = self._listener.tls
        if tls is not None:
            handshake_over(sock)
        connection.taken = True  # from here on the transport closes the socket
        await self._loop.connect_accepted_socket(lambda: connection, sock, ssl=tls)

    async def _header(self, connection: Connection, sock: socket.socket, policy: ProxyPolicy) -> bool:
        """Take off the header of a proxy; whether the connection may go on."""
        peer: Address = sock.getpeername()[:2]
        decision = policy.decide(peer[0])
        if decision == SKIP:
            return True
        try:
            octets = await self._read(sock)
            header = read_header(octets)
        except WireError:
            self._listener.metrics.closed("proxy_malformed")
            return False
        if header is not None and decision == REJECT:
            self._listener.metrics.closed("proxy_rejected")
            return False
        if header is not None and decision == USE:
            connection.origin = header.source
        return True

    async def _read(self, sock: socket.socket) -> bytes:
        """The octets of a header, and not one more; empty where there is none. Raises WireError and OSError.

        What is behind belongs to TLS and stays in the socket.
        """
        octets = b""
        while True:
            seen = octets + await self._peek(sock)
            if len(seen) == len(octets):
                raise ConnectionResetError
            if not is_incomplete(seen):
                header = read_header(seen)
                return octets + sock.recv(header.length - len(octets)) if header is not None else b""
            if len(seen) >= len(SIGNATURE):
                octets += sock.recv(len(seen) - len(octets))  # it is a header, only its end is not there yet
            else:
                await asyncio.sleep(_MOMENT)  # it may be none, and what is not taken keeps the socket readable

    async def _peek(self, sock: socket.socket) -> bytes:
        readable: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(sock, _wake, readable)
        try:
            await readable
        finally:
            self._loop.remove_reader(sock)
        return sock.recv(LONGEST, socket.MSG_PEEK)


def _wake(readable: asyncio.Future[None]) -> None:
    if not readable.done():
        readable.set_result(None)
