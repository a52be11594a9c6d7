"""What the tests of stream listeners share: a server to talk to, and a client that speaks in frames."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from resolver.chain.capabilities import ListenSettings
from resolver.listeners.connection import Send
from resolver.listeners.limits import StreamLimits
from resolver.listeners.sockets import open_tcp
from resolver.listeners.tcp import StreamMetrics, TcpListener
from resolver.telemetry.metrics import Registry
from resolver.wire.framing import frame

LOCALHOST = "127.0.0.1"
PATIENT = ListenSettings(read_timeout=30, write_timeout=30, idle_timeout=30)


def message(number: int, size: int = 12) -> bytes:
    """A message that is told apart by its ID."""
    return number.to_bytes(2, "big") + bytes(size - 2)


class Service:
    """Answers with the query itself, at once or, for numbers in ``held``, when told to."""

    def __init__(self) -> None:
        self.held: set[int] = set()
        self.sends: dict[int, Send] = {}
        self.asked: list[int] = []
        self.seen: list[tuple[Any, ...]] = []

    def __call__(
        self, packet: bytes, client: tuple[str, int], local: tuple[str, int], transport: str, send: Send
    ) -> bytes | None:
        number = int.from_bytes(packet[:2], "big")
        self.asked.append(number)
        self.seen.append((client, local, transport))
        if number in self.held:
            self.sends[number] = send
            return None
        return packet

    def answer(self, number: int) -> None:
        """Answer a query that was held."""
        self.sends.pop(number)(message(number))


class Server:
    """A listener on the loopback, with what it counted."""

    def __init__(
        self,
        serve: Callable[..., bytes | None],
        settings: ListenSettings = PATIENT,
        limits: StreamLimits | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.registry = Registry()
        metrics = StreamMetrics(self.registry, "dns://:53")
        sock = open_tcp(LOCALHOST, 0)
        self.listener = TcpListener(sock, settings, serve, tls=tls, metrics=metrics, limits=limits)
        self.port = self.listener.local[1]

    async def __aenter__(self) -> Server:
        self.listener.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.listener.stop(grace=0)

    def closed(self, reason: str) -> int:
        """How many connections the server ended for that reason."""
        for family in self.registry.families():
            if family.name == "coredns_dns_stream_closed_total":
                return sum(cell.value for labels, cell in family.cells.items() if labels[-1] == reason)
        return 0


class Client:
    """A client that speaks in frames."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None, *, receive_buffer: int = 0) -> None:
        self.port = port
        self.tls = tls
        self.receive_buffer = receive_buffer

    async def __aenter__(self) -> Client:
        sock = socket.socket()
        sock.setblocking(False)
        if self.receive_buffer:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.receive_buffer)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (LOCALHOST, self.port))
        except OSError:
            sock.close()
            raise
        name = "dns.test" if self.tls else None
        self.reader, self.writer = await asyncio.open_connection(sock=sock, ssl=self.tls, server_hostname=name)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(1):
                await self.writer.wait_closed()

    def send(self, *numbers: int) -> None:
        """Send a query for each number, all in one write."""
        self.writer.write(b"".join(frame(message(number)) for number in numbers))

    def send_octets(self, octets: bytes) -> None:
        """Send something else."""
        self.writer.write(octets)

    def reset(self) -> None:
        """Go without a word: the server gets a reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def receive(self) -> int:
        """The number of the next answer."""
        async with asyncio.timeout(5):
            length = int.from_bytes(await self.reader.readexactly(2), "big")
            return int.from_bytes((await self.reader.readexactly(length))[:2], "big")

    async def rest(self) -> list[int]:
        """The numbers of all answers until the server closes."""
        numbers = []
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                numbers.append(await self.receive())
        return numbers

    async def closed(self) -> bool:
        """Whether the server closes without another word."""
        return await self.rest() == []


async def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait for something that must happen soon."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.002)


class Wire(asyncio.Transport):
    """A transport without a network: what was written, and whether it is closed."""

    def __init__(self) -> None:
        super().__init__({"peername": (LOCALHOST, 1), "sockname": (LOCALHOST, 53)})
        self.writes: list[bytes] = []
        self.ended = False
        self.reading = True

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Takes everything at once."""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep it for the test."""
        self.writes.append(bytes(data))

    def is_closing(self) -> bool:
        """Whether the server has closed."""
        return self.ended

    def close(self) -> None:
        """The server is done."""
        self.ended = True

    def abort(self) -> None:
        """The server has had enough."""
        self.ended = True

    def pause_reading(self) -> None:
        """The server wants no more for now."""
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        """The server wants more."""
        assert not self.reading
        self.reading = True
