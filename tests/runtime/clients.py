"""Clients of a real server: datagrams, streams and HTTP, each with a deadline for everything."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from resolver.wire.constants import CLASS_NUMBERS, RD, TYPE_NUMBERS
from resolver.wire.framing import Deframer, frame
from resolver.wire.message import Message, scan
from resolver.wire.names import from_text

HOST = "127.0.0.1"
_SERIES = re.compile(r"^([a-z_]+)(\{[^}]*\})? (\S+)$", re.MULTILINE)


def question(name: str, qtype: str = "A", message_id: int = 1) -> bytes:
    """A plain query with RD."""
    head = message_id.to_bytes(2, "big") + RD.to_bytes(2, "big") + b"\0\1\0\0\0\0\0\0"
    return head + from_text(name) + TYPE_NUMBERS[qtype].to_bytes(2, "big") + CLASS_NUMBERS["IN"].to_bytes(2, "big")


def addresses(message: Message) -> list[str]:
    """The IPv4 addresses in the answer section."""
    return [".".join(map(str, record.rdata)) for record in message.sections().answer if record.type == 1]


class Stub(asyncio.DatagramProtocol):
    """A stub resolver on one UDP port: it asks, waits, and asks again as often as it may.

    ``retried`` counts the times that it asked again, ``lost`` the questions that stayed without an answer.
    """

    def __init__(self, timeout: float = 2.0, tries: int = 1) -> None:
        self.timeout = timeout
        self.tries = tries
        self.asked = self.retried = self.lost = 0
        self._ids = itertools.cycle(range(1, 1 << 16))
        self._waiting: dict[int, tuple[bytes, asyncio.Future[bytes]]] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        asked, answer = self._waiting.get(int.from_bytes(data[:2], "big"), (b"", None))
        if answer is not None and not answer.done() and data[12 : len(asked)] == asked[12:]:
            answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        """A refused port is silence to a stub resolver: it asks again."""

    def send(self, octets: bytes) -> None:
        """Any octets; what comes back for them is not waited for."""
        if self._transport is not None:
            self._transport.sendto(octets)

    async def ask(self, name: str, qtype: str = "A") -> Message:
        """The answer. Raises TimeoutError after the last try."""
        message_id = next(self._ids)
        octets = question(name, qtype, message_id)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting[message_id] = octets, answer
        self.asked += 1
        try:
            for attempt in range(self.tries):
                self.retried += bool(attempt)
                self.send(octets)
                await asyncio.wait([answer], timeout=self.timeout)
                if answer.done():
                    return scan(answer.result())
        finally:
            del self._waiting[message_id]
        self.lost += 1
        raise TimeoutError(f"no answer for {name} {qtype}")

    def close(self) -> None:
        """Give the port back."""
        if self._transport is not None:
            self._transport.abort()


@asynccontextmanager
async def stub(port: int, host: str = HOST, *, timeout: float = 2.0, tries: int = 1) -> AsyncIterator[Stub]:
    """A stub resolver that knows one server."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_datagram_endpoint(lambda: Stub(timeout, tries), remote_addr=(host, port))
    try:
        yield client
    finally:
        client.close()


async def ask(port: int, name: str, qtype: str = "A", host: str = HOST, timeout: float = 2.0) -> Message:
    """One answer over UDP. Raises TimeoutError."""
    async with stub(port, host, timeout=timeout) as client:
        return await client.ask(name, qtype)


class Stream:
    """A TCP connection to a server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._deframer = Deframer()
        self._came: list[bytes] = []

    def send(self, octets: bytes) -> None:
        """One message, with its length in front."""
        self.writer.write(frame(octets))

    async def read(self, timeout: float = 5.0) -> Message:
        """The next message. Raises TimeoutError, or EOFError where the server has closed."""
        async with asyncio.timeout(timeout):
            while not self._came:
                octets = await self.reader.read(65536)
                if not octets:
                    raise EOFError("the server has closed the connection")
                self._came.extend(self._deframer.feed(octets))
        return scan(self._came.pop(0))

    async def ask(self, name: str, qtype: str = "A", timeout: float = 5.0) -> Message:
        """An answer while nothing else is under way."""
        self.send(question(name, qtype))
        return await self.read(timeout)

    def close(self) -> None:
        """Close at once."""
        self.writer.transport.abort()


@asynccontextmanager
async def stream(port: int, host: str = HOST) -> AsyncIterator[Stream]:
    """An open connection. Raises OSError."""
    connection = Stream(*await asyncio.open_connection(host, port))
    try:
        yield connection
    finally:
        connection.close()


async def get(port: int, path: str, host: str = HOST, timeout: float = 5.0) -> tuple[int, str]:
    """Status and body of an HTTP answer, status 0 where nobody listens."""
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                head, _, body = (await reader.read(-1)).partition(b"\r\n\r\n")
            finally:
                writer.transport.abort()
    except (OSError, TimeoutError):
        return 0, ""
    return int(head.split(b" ", 2)[1]) if head else 0, body.decode()


async def figures(port: int, timeout: float = 5.0) -> dict[str, float]:
    """All metrics by their series as written, labels included. Raises AssertionError where there are none."""
    status, text = await get(port, "/metrics", timeout=timeout)
    assert status == 200, f"/metrics says {status}"
    return {f"{name}{labels}": float(value) for name, labels, value in _SERIES.findall(text)}


def total(series: dict[str, float], name: str, *parts: str) -> float:
    """The sum over all series of a name whose labels contain all of ``parts``."""
    return sum(
        value for key, value in series.items() if key.split("{")[0] == name and all(part in key for part in parts)
    )
