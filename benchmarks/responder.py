"""A small authoritative server in Python: the upstream where no faster one is installed, and the far end in tests.

``python -m benchmarks.responder PORT`` answers A 192.0.2.1, TTL 3600, to every question, over UDP and TCP.
"""

from __future__ import annotations

import contextlib
import select
import socket
import sys
from collections.abc import Callable

_RECORD = b"\xc0\x0c\x00\x01\x00\x01\x00\x00\x0e\x10\x00\x04\xc0\x00\x02\x01"
_MOST_CONNECTIONS = 64


def answer(query: bytes) -> bytes | None:
    """The reply to a query with one question; ``None`` for what is not one."""
    end = _question_end(query)
    if end is None or query[2] & 0x80 or query[4:6] != b"\x00\x01":
        return None
    return query[:2] + b"\x85\x80\x00\x01\x00\x01\x00\x00\x00\x00" + query[12:end] + _RECORD


def _question_end(query: bytes) -> int | None:
    place = 12
    while place < len(query) and query[place]:
        place += query[place] + 1
    return place + 5 if place + 5 <= len(query) else None


def _open_both(port: int) -> tuple[socket.socket, socket.socket]:
    """A UDP and a listening TCP socket at one port of 127.0.0.1. Raises OSError.

    A port that was chosen for UDP may be somebody else's with TCP; then another one is tried.
    """
    for tries_left in reversed(range(20)):
        datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            datagrams.bind(("127.0.0.1", port))
            return datagrams, socket.create_server(("127.0.0.1", datagrams.getsockname()[1]))
        except OSError:
            datagrams.close()
            if port or not tries_left:
                raise
    raise OSError("no port is free for both UDP and TCP")


class Responder:
    """Serves 127.0.0.1:``port`` (0 chooses one) until ``stop``.

    ``drop(number)`` says which queries, counted from 1, to leave without an answer.
    """

    def __init__(self, port: int = 0, drop: Callable[[int], bool] = lambda number: False) -> None:
        self._drop = drop
        self._count = 0
        self._stopping = False
        self._datagrams, self._listener = _open_both(port)
        self._datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self._datagrams.setblocking(False)
        self.port: int = self._datagrams.getsockname()[1]
        self._streams: dict[socket.socket, bytearray] = {}

    def serve(self) -> None:
        """Serve in this thread until ``stop`` is called from another one; closes every socket."""
        try:
            while not self._stopping:
                ready, _, _ = select.select([self._datagrams, self._listener, *self._streams], [], [], 0.05)
                for readable in ready:
                    self._handle(readable)
        finally:
            for open_socket in [self._datagrams, self._listener, *self._streams]:
                open_socket.close()

    def stop(self) -> None:
        self._stopping = True

    def _handle(self, readable: socket.socket) -> None:
        if readable is self._datagrams:
            self._serve_datagrams()
        elif readable is self._listener:
            self._accept()
        else:
            self._serve_stream(readable)

    def _serve_datagrams(self) -> None:
        with contextlib.suppress(OSError):
            for _ in range(1000):
                query, sender = self._datagrams.recvfrom(4096)
                reply = self._reply(query)
                if reply:
                    self._datagrams.sendto(reply, sender)

    def _reply(self, query: bytes) -> bytes | None:
        self._count += 1
        return None if self._drop(self._count) else answer(query)

    def _accept(self) -> None:
        stream, _ = self._listener.accept()
        if len(self._streams) >= _MOST_CONNECTIONS:
            stream.close()
            return
        stream.settimeout(2)
        self._streams[stream] = bytearray()

    def _serve_stream(self, stream: socket.socket) -> None:
        unread = self._streams[stream]
        try:
            data = stream.recv(65536)
            unread += data
            stream.sendall(self._framed_replies(unread))
        except OSError:
            data = b""
        if not data:
            del self._streams[stream]
            stream.close()

    def _framed_replies(self, unread: bytearray) -> bytes:
        replies = bytearray()
        while len(unread) >= 2 and len(unread) >= (end := 2 + int.from_bytes(unread[:2], "big")):
            reply = self._reply(bytes(unread[2:end]))
            if reply:
                replies += len(reply).to_bytes(2, "big") + reply
            del unread[:end]
        return bytes(replies)


if __name__ == "__main__":
    Responder(int(sys.argv[1])).serve()
