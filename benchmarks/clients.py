"""The sockets of the Python load generator: send some queries, take the answers that are there, never wait."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Sequence
from typing import Protocol

from benchmarks.batch import AVAILABLE, SIZE, Batch

BATCH = SIZE
_BUFFER = 1 << 20
_MOST_UNSENT = 1 << 20


class Client(Protocol):
    """One source address. What it cannot send is lost, and shows as a query without an answer."""

    def fileno(self) -> int: ...

    def send(self, queries: Sequence[bytes]) -> None: ...

    def receive(self) -> list[bytes]: ...

    def close(self) -> None: ...


def datagram_client(port: int) -> Client:
    return BatchClient(port) if AVAILABLE else PlainClient(port)


def _connected(port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
    made.connect(("127.0.0.1", port))
    made.setblocking(False)
    return made


class BatchClient:
    """UDP through sendmmsg and recvmmsg."""

    def __init__(self, port: int) -> None:
        self._socket = _connected(port)
        self._batch = Batch(self._socket)

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, queries: Sequence[bytes]) -> None:
        done = self._batch.send(queries)
        while 0 < done < len(queries):
            more = self._batch.send(queries[done:])
            if not more:
                return
            done += more

    def receive(self) -> list[bytes]:
        return self._batch.receive()

    def close(self) -> None:
        self._socket.close()


class PlainClient:
    """UDP, one system call a datagram."""

    def __init__(self, port: int) -> None:
        self._socket = _connected(port)

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, queries: Sequence[bytes]) -> None:
        for query in queries:
            with contextlib.suppress(OSError):
                self._socket.send(query)

    def receive(self) -> list[bytes]:
        answers: list[bytes] = []
        with contextlib.suppress(OSError):
            while len(answers) < BATCH:
                answers.append(self._socket.recv(4096))
        return answers

    def close(self) -> None:
        self._socket.close()


class StreamClient:
    """TCP with two octets of length before each message (RFC 1035 section 4.2.2); connects again when it is closed."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=2)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._unsent = bytearray()
        self._unread = bytearray()

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, queries: Sequence[bytes]) -> None:
        if len(self._unsent) < _MOST_UNSENT:
            for query in queries:
                self._unsent += len(query).to_bytes(2, "big") + query
        self._flush()

    def _flush(self) -> None:
        with contextlib.suppress(OSError):
            while self._unsent:
                del self._unsent[: self._socket.send(self._unsent)]

    def receive(self) -> list[bytes]:
        self._flush()
        try:
            data = self._socket.recv(_BUFFER)
        except BlockingIOError:
            return []
        except OSError:
            data = b""
        if not data:
            self._reopen()
            return []
        self._unread += data
        return self._messages()

    def _reopen(self) -> None:
        """Queries under way on the closed connection stay unanswered and are counted as lost."""
        self._socket.close()
        self._connect()

    def _messages(self) -> list[bytes]:
        found: list[bytes] = []
        start = 0
        while len(self._unread) - start >= 2:
            end = start + 2 + int.from_bytes(self._unread[start : start + 2], "big")
            if end > len(self._unread):
                break
            found.append(bytes(self._unread[start + 2 : end]))
            start = end
        del self._unread[:start]
        return found

    def close(self) -> None:
        self._socket.close()
