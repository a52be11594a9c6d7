"""A connection that we open, and open again when it breaks."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import Final

from resolver.errors import ResolverError
from resolver.plugins.dnstap.conversation import greet, part, pump
from resolver.plugins.dnstap.metrics import dropped_cell, sent_cell
from resolver.plugins.dnstap.queue import Losses, Queue
from resolver.plugins.dnstap.settings import MESSAGES_PER_QUEUE, OCTETS_PER_QUEUE, UNIX, Settings
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry

CONNECT: Final = 4.0  # seconds
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0  # seconds between two tries
ENDING: Final = 2.0  # seconds to bring what is waiting to the collector when the server ends


class Outgoing:
    """Keeps frames while there is no connection, as many as the queue takes."""

    def __init__(self, settings: Settings, registry: Registry, log: Log, chance: random.Random) -> None:
        self._settings = settings
        self._log = log
        self._chance = chance
        shown = settings.endpoint.shown
        self._sent = sent_cell(registry, shown)
        self._losses = Losses(shown, log, dropped_cell(registry, shown))
        self._queue = Queue(
            settings.queue * MESSAGES_PER_QUEUE, settings.queue * OCTETS_PER_QUEUE, self._losses.add
        )  # fmt: skip
        self._ending = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.put = self._queue.put

    @property
    def wanted(self) -> bool:
        """Whether messages are of any use now."""
        return not self._queue.closed

    async def start(self) -> None:
        """Begin to connect; nothing waits for it."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        """Send what waits, for a short while, and close."""
        self._queue.close()
        self._ending.set()
        if self._task is not None:
            _, late = await asyncio.wait((self._task,), timeout=ENDING)
            for task in late:
                task.cancel()
                await asyncio.wait((task,))
        if self._queue.frames:
            self._losses.add(len(self._queue.take(1 << 62)))
        self._losses.tell()

    async def _run(self) -> None:
        pause, told = FIRST_PAUSE, False
        shown = self._settings.endpoint.shown
        while not self._queue.closed:
            try:
                reader, writer = await self._connect()
                try:
                    await greet(reader, writer)
                    self._log.info(f"sending to {shown}")
                    pause, told = FIRST_PAUSE, False
                    await pump(reader, writer, self._queue, self._count)
                    await part(reader, writer)
                finally:
                    writer.transport.abort()
            except (OSError, TimeoutError, ResolverError) as error:
                if not told:
                    told = True
                    self._log.error(f"no connection to {shown}: {_words(error)}")
            await self._rest(pause * (0.75 + self._chance.random() / 2))
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _rest(self, seconds: float) -> None:
        """Wait, unless the queue is closed meanwhile: then this was the last try."""
        try:
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        except TimeoutError:
            return

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        endpoint = self._settings.endpoint
        async with asyncio.timeout(CONNECT):
            if endpoint.scheme == UNIX:
                return await asyncio.open_unix_connection(endpoint.path)
            name = (endpoint.host or None) if self._settings.tls else None
            host = endpoint.host or "localhost"
            reader, writer = await asyncio.open_connection(
                host, endpoint.port, ssl=self._settings.tls, server_hostname=name
            )
        plain = writer.get_extra_info("socket")
        if plain is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._settings.buffer)
        return reader, writer

    def _count(self, frames: int) -> None:
        self._sent.value += frames


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return (getattr(error, "strerror", "") or str(error) or type(error).__name__).lower()
