"""A worker: one process of several that share the ports. It does what its supervisor says."""

from __future__ import annotations

import asyncio
import contextlib
import pickle
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from resolver.chain.capabilities import Inspectable, Readiness, offering
from resolver.chain.setup import Host
from resolver.chain.turns import Turns
from resolver.replay.store import Stores
from resolver.runtime.channel import Channel, ChannelClosed
from resolver.runtime.complaints import hear_all
from resolver.runtime.garbage import Settling, paused
from resolver.runtime.loops import run
from resolver.runtime.server import REPLAY_BUDGET, Server
from resolver.runtime.sockets import SocketKey, socket_keys
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry
from resolver.telemetry.snapshot import Snapshot, families


class Handed:
    """Sockets that the supervisor opened and keeps, so that a worker's death loses no waiting query."""

    def __init__(self) -> None:
        self._sockets: dict[SocketKey, socket.socket] = {}

    def receive(self, keys: list[SocketKey], descriptors: list[int]) -> None:
        """Take over sockets by their descriptors."""
        for key, descriptor in zip(keys, descriptors, strict=True):
            self._sockets[key] = socket.socket(fileno=descriptor)

    def open(self, kind: str, host: str, port: int) -> socket.socket:
        """The socket for an address; it is then the caller's to close."""
        return self._sockets.pop((kind, host, port))

    def drop(self) -> None:
        """Close what nobody took: a socket that nobody reads swallows queries."""
        for sock in self._sockets.values():
            sock.close()
        self._sockets.clear()


class Worker:
    """Serves in the background of a channel to the supervisor."""

    def __init__(self, sock: socket.socket, number: int, log: Log, port: int) -> None:
        self.sock = sock
        self.stores = Stores(REPLAY_BUDGET)
        self.host = Host(
            clock=time.monotonic,
            registry=Registry(),
            log=log,
            fail=self._fail,
            withdraw=self.stores.withdraw,
            worker=number,
            is_one_of_several=True,
        )
        self.host.registry.before_read(self.stores.fold)
        self.handed = Handed()
        self.settling = Settling()
        self.server = Server(self.host, self.stores, default_port=port, http=False, open_socket=self.handed.open)
        self.ended = asyncio.Event()
        self.channel: Channel | None = None
        self._drains = True
        self._changing = asyncio.Lock()
        self._swapping: asyncio.Task[None] | None = None
        self._failing: asyncio.Task[None] | None = None

    async def run(self) -> int:
        """Serve until the supervisor says stop or is gone; the exit code."""
        loop = asyncio.get_running_loop()
        hear_all(loop, self.host.log)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1):
            loop.add_signal_handler(number, lambda: None)  # the supervisor decides
        self.channel = Channel(self.sock, self._handle, self.ended.set)
        await self.ended.wait()
        if self.server.plan is None and self._swapping is not None:
            self._swapping.cancel()  # it has not begun to serve, so nobody waits for it
        async with self._changing:
            await self.server.stop(drain=self._drains)
        self.channel.close()
        return 0

    async def _handle(self, what: str, payload: Any, descriptors: list[int]) -> Any:
        if what == "apply":
            packed, keys = payload
            await self._apply(packed, keys, descriptors)
        elif what == "held":
            return await self._held()
        elif what == "snapshot":
            return await self._snapshot()
        elif what == "unready":
            return self._unready(payload)
        elif what == "inspect":
            return await self._inspect(*payload)
        elif what == "stopping":
            self.host.stopping = True
        elif what == "stop":
            self._drains = payload
            self.ended.set()
        return None

    async def _apply(self, packed: bytes, keys: list[SocketKey], descriptors: list[int]) -> None:
        """Serve a configuration; what the old one leaves behind is seen to afterwards."""
        switched = asyncio.get_running_loop().create_future()
        self._swapping = asyncio.create_task(self._swap(packed, keys, descriptors, lambda: switched.set_result(None)))
        await asyncio.wait((switched, self._swapping), return_when=asyncio.FIRST_COMPLETED)
        if self._swapping.done():
            self._swapping.result()

    async def _swap(
        self, packed: bytes, keys: list[SocketKey], descriptors: list[int], switched: Callable[[], None]
    ) -> None:
        async with self._changing:
            self.handed.receive(keys, descriptors)
            try:
                with paused():
                    await self.server.apply(await asyncio.to_thread(pickle.loads, packed), switched)
            finally:
                self.handed.drop()
            self.settling.settle(self.server.left_behind)

    async def _held(self) -> set[SocketKey]:
        """The sockets that are open here, once a change under way has come to its end."""
        async with self._changing:
            return {
                key
                for endpoint in self.server.ports
                for key in socket_keys(endpoint.scheme, endpoint.host, endpoint.port)
            }

    async def _snapshot(self) -> Snapshot:
        turns, now = Turns(), []
        for family in families(self.host.registry):
            now.append(family)
            await turns.give()
        return now

    def _unready(self, address: tuple[str, int]) -> list[str]:
        blocks = self.host.blocks()
        if not blocks:
            return [f"worker {self.host.worker}"]
        parts = (part for block in blocks for part in block.parts)
        return next((part.unready() for part in offering(parts, Readiness) if part.address == address), [])

    async def _inspect(self, name: str, wish: Any) -> Any:
        parts = (part for block in self.host.blocks() for part in block.parts)
        found = next((part for part in offering(parts, Inspectable) if part.name == name), None)
        return None if found is None else await found.inspect(wish)

    def _fail(self, reason: str) -> None:
        self._failing = asyncio.get_running_loop().create_task(self._say_failed(reason))

    async def _say_failed(self, reason: str) -> None:
        if self.channel is not None:
            with contextlib.suppress(ChannelClosed, TimeoutError):
                await self.channel.ask("fail", reason)


def work(fd: int, number: int, log: Log, port: int) -> int:
    """Run a worker whose channel is the open file ``fd``; the exit code."""

    async def main() -> int:
        return await Worker(socket.socket(fileno=fd), number, log, port).run()

    return run(main)
