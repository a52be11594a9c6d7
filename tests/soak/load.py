"""Clients that ask all the time, and what became of their questions."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from dataclasses import dataclass

from resolver.wire.framing import frame
from resolver.wire.message import Message
from tests.runtime.clients import HOST, Stream, Stub, question, stream, stub
from tests.soak.scenario import Kind

_PATIENCE = 8.0  # seconds that a client which asks only once waits: longer than any answer may take
_STUB_TIME, _STUB_TRIES = 2.0, 3  # as stub resolvers ask
_MALFORMED_PAUSE = 0.01


@dataclass
class Tally:
    """What became of the questions of one kind. Times are in seconds."""

    label: str
    asked: int = 0
    right: int = 0
    wrong: int = 0
    lost: int = 0
    retried: int = 0
    slowest: float = 0.0
    example: str = ""

    def judge(self, name: str, answered: bool, took: float) -> None:
        """An answer came, right or not."""
        self.slowest = max(self.slowest, took)
        if answered:
            self.right += 1
        else:
            self.wrong += 1
            self.example = self.example or name


class Load:
    """All clients of a run. While ``gate`` is closed they rest between two questions."""

    def __init__(self, port: int, kinds: tuple[Kind, ...], chance: random.Random, *, persistent: bool = False) -> None:
        self.port = port
        self.kinds = kinds
        self.chance = chance
        self.persistent = persistent
        self.gate = asyncio.Event()
        self.tallies = {kind.label: Tally(kind.label) for kind in kinds}
        self.malformed = 0
        self.busy = 0
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to ask."""
        for kind in self.kinds:
            for _ in range(kind.clients):
                self._tasks.append(asyncio.create_task(self._ask_on(kind, random.Random(self.chance.random()))))
        self._tasks.append(asyncio.create_task(self._babble(random.Random(self.chance.random()))))
        self._tasks.append(asyncio.create_task(self._babble_over_tcp(random.Random(self.chance.random()))))
        self.gate.set()

    async def rest(self) -> None:
        """Ask nothing more for now, and wait for what is under way."""
        self.gate.clear()
        while self.busy:
            await asyncio.sleep(0.01)

    def check(self) -> None:
        """Raises what ended a client that should not have ended."""
        for task in self._tasks:
            if task.done():
                task.result()

    async def stop(self) -> None:
        """End all clients."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ask_on(self, kind: Kind, chance: random.Random) -> None:
        tally = self.tallies[kind.label]
        async with contextlib.aclosing(Asker(kind.transport, self.port, tally, self.persistent)) as client:
            while True:
                await self.gate.wait()
                self.busy += 1
                name, begun = kind.names(chance), time.monotonic()
                tally.asked += 1
                try:
                    message = await client.ask(name)
                except (TimeoutError, OSError, EOFError):
                    tally.lost += 1
                    tally.example = tally.example or name
                else:
                    tally.judge(name, kind.right(name, message), time.monotonic() - begun)
                finally:
                    self.busy -= 1
                await asyncio.sleep(kind.pause * chance.uniform(0.5, 1.5))

    async def _babble(self, chance: random.Random) -> None:
        async with stub(self.port) as client:
            while True:
                await self.gate.wait()
                client.send(malformed(chance))
                self.malformed += 1
                await asyncio.sleep(_MALFORMED_PAUSE)

    async def _babble_over_tcp(self, chance: random.Random) -> None:
        while True:
            await self.gate.wait()
            with contextlib.suppress(OSError, EOFError, TimeoutError):
                await babble_over_tcp(self.port, chance)
            self.malformed += 1
            await asyncio.sleep(_MALFORMED_PAUSE * 5)


def malformed(chance: random.Random) -> bytes:
    """Octets that are no proper query, or only by chance."""
    octets = bytearray(question(f"broken-{chance.randrange(1000)}.example.com"))
    choice = chance.randrange(6)
    if choice == 0:
        return chance.randbytes(chance.randrange(80))
    if choice == 1:
        return bytes(octets[: chance.randrange(len(octets))])
    if choice == 2:
        return bytes(octets) + chance.randbytes(chance.randrange(1, 200))
    if choice == 3:
        octets[4:12] = chance.randbytes(8)
    for _ in range(chance.randrange(1, 6)):
        octets[chance.randrange(len(octets))] = chance.randrange(256)
    return bytes(octets)


async def babble_over_tcp(port: int, chance: random.Random) -> None:
    """One connection whose client does not keep to the rules: broken frames, half frames, early ends."""
    async with stream(port) as connection:
        for _ in range(chance.randrange(1, 5)):
            octets = malformed(chance)
            choice = chance.randrange(4)
            if choice == 0:
                connection.writer.write(frame(octets))
            elif choice == 1:
                connection.writer.write(frame(octets)[: chance.randrange(1, len(octets) + 2)])
            elif choice == 2:
                connection.writer.write(chance.randbytes(2) + octets)
            else:
                connection.writer.write(frame(question("www.example.org")))
        await connection.writer.drain()
        if chance.randrange(2):
            connection.writer.write_eof()
            async with asyncio.timeout(3.0):
                await connection.reader.read(4096)


# --- how to ask


class Asker:
    """One client: it keeps its socket or connection, unless it is one that takes a new connection for each question."""

    def __init__(self, transport: str, port: int, tally: Tally, persistent: bool) -> None:
        self.transport = transport
        self.port = port
        self.tally = tally
        self.tries = _STUB_TRIES if persistent else 1
        self.timeout = _STUB_TIME if persistent else _PATIENCE
        self._exit = contextlib.AsyncExitStack()
        self._stub: Stub | None = None
        self._stream: Stream | None = None

    async def ask(self, name: str) -> Message:
        """The answer. Raises TimeoutError, OSError or EOFError when the last try has failed."""
        if self.transport == "udp":
            return await self._ask_udp(name)
        for attempt in range(self.tries):
            self.tally.retried += bool(attempt)
            try:
                return await self._ask_tcp(name)
            except (TimeoutError, OSError, EOFError):
                self._drop()
                if attempt == self.tries - 1:
                    raise
        raise TimeoutError

    async def aclose(self) -> None:
        """Close what is open."""
        self._drop()
        await self._exit.aclose()

    async def _ask_udp(self, name: str) -> Message:
        if self._stub is None:
            self._stub = await self._exit.enter_async_context(
                stub(self.port, HOST, timeout=self.timeout, tries=self.tries)
            )
        before = self._stub.retried
        try:
            return await self._stub.ask(name)
        finally:
            self.tally.retried += self._stub.retried - before

    async def _ask_tcp(self, name: str) -> Message:
        fresh = self._stream is None or self.transport == "tcp-once"
        if fresh:
            self._drop()
            self._stream = Stream(*await asyncio.open_connection(HOST, self.port))
        assert self._stream is not None
        try:
            return await self._stream.ask(name, timeout=self.timeout)
        except (EOFError, ConnectionError):
            if fresh:
                raise
        self._drop()  # the server may end a connection that it finds idle; a client then opens another
        return await self._ask_tcp(name)

    def _drop(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None
