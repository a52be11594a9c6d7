"""Many sockets watched as one."""

from __future__ import annotations

import select
from asyncio import AbstractEventLoop
from collections.abc import Callable
from socket import socket
from typing import Final, Generic, TypeVar

T = TypeVar("T")

NESTED: Final = hasattr(select, "epoll")


class Watch(Generic[T]):
    """Calls ``ready`` with what stands for a socket when there is something to read from it, or an error to take.

    The loop watches one descriptor in place of all of them, and never sees their errors: libuv ends the watch of a
    socket for good at its first error, and for a connected UDP socket that is any refusal by its peer.
    """

    def __init__(self, loop: AbstractEventLoop, ready: Callable[[T], None]) -> None:
        self._loop = loop
        self._ready = ready
        self._watched: dict[int, T] = {}
        self._epoll: select.epoll | None = None

    def add(self, sock: socket, token: T) -> None:
        """Begin to watch a socket that ``token`` stands for. Raises OSError."""
        if not NESTED:
            self._loop.add_reader(sock, self._ready, token)
            return
        if self._epoll is None:
            self._epoll = select.epoll()
            self._loop.add_reader(self._epoll.fileno(), self._look)
        self._epoll.register(sock, select.EPOLLIN)
        self._watched[sock.fileno()] = token

    def remove(self, sock: socket) -> None:
        """Watch it no more; it must still be open."""
        if self._epoll is None:
            self._loop.remove_reader(sock)
            return
        if self._watched.pop(sock.fileno(), None) is not None:
            self._epoll.unregister(sock)
        if not self._watched:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            self._epoll = None

    def _look(self) -> None:
        if self._epoll is None:
            return
        for descriptor, _ in self._epoll.poll(0):
            token = self._watched.get(descriptor)
            if token is not None:  # an earlier one may have ended the watch of a later one
                self._ready(token)
