"""An address at which collectors connect to us."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from resolver.errors import ResolverError
from resolver.plugins.dnstap.conversation import GREETING, greet, part, pump
from resolver.plugins.dnstap.metrics import dropped_cell, sent_cell
from resolver.plugins.dnstap.queue import Losses, Queue
from resolver.plugins.dnstap.settings import MESSAGES_PER_QUEUE, OCTETS_PER_QUEUE, UNIX, Settings
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry

MOST_COLLECTORS: Final = 16
ENDING: Final = 2.0  # seconds to bring what is waiting to the collectors when the server ends


class Incoming:
    """Every collector that is connected gets every message; who is slow loses some, and nobody else does."""

    def __init__(self, settings: Settings, registry: Registry, log: Log) -> None:
        self._settings = settings
        self._log = log
        shown = settings.endpoint.shown
        self._sent = sent_cell(registry, shown)
        self._losses = Losses(shown, log, dropped_cell(registry, shown))
        self._queues: dict[asyncio.Task[None], Queue] = {}
        self._listening: list[Queue] = []
        self._server: asyncio.Server | None = None
        self._inode = 0

    @property
    def wanted(self) -> bool:
        """Whether any collector listens."""
        return bool(self._listening)

    def put(self, frame: bytes) -> None:
        """Give a frame to all who listen."""
        for queue in self._listening:
            queue.put(frame)

    async def start(self) -> None:
        """Open the address. Raises ResolverError."""
        endpoint = self._settings.endpoint
        try:
            if endpoint.scheme == UNIX:
                self._server = await asyncio.start_unix_server(self._connected, endpoint.path)
                self._inode = _inode(endpoint.path)
            else:
                # with reuse_port the next configuration can listen before this one has ended
                tls = self._settings.tls
                self._server = await asyncio.start_server(
                    self._connected, endpoint.host or None, endpoint.port, reuse_port=True,
                    ssl=tls, ssl_handshake_timeout=GREETING if tls else None,
                )  # fmt: skip
        except OSError as error:
            raise ResolverError(f"dnstap cannot listen on {endpoint.shown}: {error.strerror or error}") from None

    async def stop(self) -> None:
        """Take no more collectors, send what waits to those that are there, and close."""
        if self._server is not None:
            self._server.close()
            self._remove_path()
        for queue in self._queues.values():
            queue.close()
        if self._queues:
            _, late = await asyncio.wait(list(self._queues), timeout=ENDING)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        self._losses.tell()

    @property
    def port(self) -> int:
        """The port that is listened on, of the first socket."""
        sockets = self._server.sockets if self._server else ()
        return int(sockets[0].getsockname()[1])

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._queues) >= MOST_COLLECTORS:
            self._log.warning(f"{self._settings.endpoint.shown} has {MOST_COLLECTORS} collectors, one more is refused")
            writer.transport.abort()
            return
        queue = Queue(
            self._settings.queue * MESSAGES_PER_QUEUE, self._settings.queue * OCTETS_PER_QUEUE, self._losses.add
        )  # fmt: skip
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer, queue))
        self._queues[task] = queue
        task.add_done_callback(self._queues.pop)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, queue: Queue) -> None:
        try:
            await greet(reader, writer)
            self._listening.append(queue)
            await pump(reader, writer, queue, self._count)
            await part(reader, writer)
        except (OSError, TimeoutError, ResolverError) as error:
            self._log.debug(f"a collector at {self._settings.endpoint.shown} is gone: {error}")
        finally:
            if queue in self._listening:
                self._listening.remove(queue)
            if queue.frames:
                self._losses.add(len(queue.take(1 << 62)))
            writer.transport.abort()

    def _count(self, frames: int) -> None:
        self._sent.value += frames

    def _remove_path(self) -> None:
        """Leave no dead socket behind, but let one alone that another part has put there since."""
        path = self._settings.endpoint.path
        try:
            if path and _inode(path) == self._inode:
                Path(path).unlink()
        except OSError:
            return


def _inode(path: str) -> int:
    return Path(path).lstat().st_ino
