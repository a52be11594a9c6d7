"""Several workers on the same ports: started, restarted, reloaded, drained, and shown as one."""

from __future__ import annotations

import asyncio
import pickle
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

from resolver import __version__
from resolver.config.model import Config
from resolver.errors import ResolverError
from resolver.listeners.http import HttpServers
from resolver.runtime.channel import Channel, ChannelClosed
from resolver.runtime.garbage import Settling
from resolver.runtime.life import Life
from resolver.runtime.options import Options
from resolver.runtime.plan import Plan, assembling
from resolver.runtime.server import DRAIN_TIME
from resolver.runtime.sockets import SocketKey, open_socket, socket_keys
from resolver.runtime.turns import Turns
from resolver.telemetry.process import watch_process
from resolver.telemetry.snapshot import Snapshot, merge, settled, snapshot

_START_TIME = 20.0  # seconds until a new worker serves
_ANSWER_TIME = 2.0  # seconds for what a worker can say at once
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0


class Crew:
    """One worker's process and channel, and when it may be started again."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.process: asyncio.subprocess.Process | None = None
        self.channel: Channel | None = None
        self.pause = _FIRST_PAUSE
        self.sockets: dict[SocketKey, socket.socket] = {}
        self.latest: Snapshot = []

    async def ask(self, what: str, payload: object = None, *, within: float, descriptors: Sequence[int] = ()) -> Any:
        """What the worker answers. Raises ChannelClosed, TimeoutError or RuntimeError."""
        if self.channel is None:
            raise ChannelClosed
        return await self.channel.ask(what, payload, within=within, descriptors=descriptors)

    async def ended(self) -> int:
        """The exit code of the process, once it has ended."""
        code = await self.process.wait() if self.process is not None else 0
        if self.channel is not None:
            self.channel.close()
            self.channel = None
        return code

    def kill(self) -> None:
        """End the process at once."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()


class Supervisor(Life):
    """Owns the sockets and the HTTP endpoints; the workers own the chains."""

    def __init__(self, options: Options, workers: int) -> None:
        super().__init__(options, workers)
        self.crews = [Crew(number) for number in range(workers)]
        self.http = HttpServers(options.log)
        watch_process(self.host.registry, __version__)
        self.host.scrape = self._scrape
        self.host.unready = self._unready
        self._packed = b""
        self._settling = Settling()
        self._past: Snapshot = []
        self._keeping: list[asyncio.Task[None]] = []
        self._restarts = self.host.registry.counter(
            "coredns_worker_restarts_total", "Worker processes that ended by themselves and were started again."
        ).cell()

    async def apply(self, config: Config) -> None:
        """Start all workers with the configuration, or have all of them swap to it. Raises ResolverError."""
        plan = await Turns().all(assembling(config, self.host, self.options.port))
        packed = pickle.dumps(config)
        first = not self._keeping
        opened = {crew: self._open(crew, plan) for crew in self.crews}
        try:
            for crew in self.crews:
                if crew.channel is None:
                    await self._start(crew)
                if not first:  # one after the other, so that the others answer meanwhile
                    await self._tell(crew, packed, opened[crew])
            if first:
                _raise_any(await self._tell_all(packed, opened))
            await self.http.apply(plan.http)
        except (ResolverError, RuntimeError, ChannelClosed, TimeoutError, OSError) as error:
            for crew, sockets in opened.items():
                _forget(crew, sockets)
            if not first:
                await self._restore(self.plan)
            raise ResolverError(str(error) or "a worker could not serve the configuration") from None
        wanted = {key for endpoint in plan.services for key in socket_keys(endpoint.host, endpoint.port)}
        for crew in self.crews:
            _forget(crew, [key for key in crew.sockets if key not in wanted])
        previous, self.plan, self._packed = self.plan, plan, packed
        self._settling.settle(await Turns().all(previous.dissolve()))
        if first:
            self._keeping = [asyncio.create_task(self._keep(crew)) for crew in self.crews]

    async def close(self) -> None:
        """Have the workers finish what they have, then end."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*(self._end(crew) for crew in self.crews))
        await self.http.stop()
        for crew in self.crews:
            _forget(crew, list(crew.sockets))

    async def stopping(self) -> None:
        """Tell the workers that the end is near, so that they are no longer ready."""
        for crew in self.crews:
            try:
                await crew.ask("stopping", within=_ANSWER_TIME)
            except (ChannelClosed, TimeoutError):
                continue

    # --- one worker

    def _open(self, crew: Crew, plan: Plan) -> list[SocketKey]:
        """Open the sockets that the plan needs and the worker does not have; which ones they are."""
        new: list[SocketKey] = []
        try:
            for endpoint in plan.services:
                for key in socket_keys(endpoint.host, endpoint.port):
                    if key not in crew.sockets:
                        crew.sockets[key] = open_socket(*key)
                        new.append(key)
        except BaseException:
            _forget(crew, new)
            raise
        return new

    async def _start(self, crew: Crew) -> None:
        ours, theirs = socket.socketpair()
        options = self.options
        command = [sys.executable, "-m", "resolver", "worker", str(theirs.fileno()), str(crew.number)]
        command += [str(options.port), options.log.form, options.log.level]
        with theirs:
            crew.process = await asyncio.create_subprocess_exec(
                *command, pass_fds=(theirs.fileno(),), stdin=asyncio.subprocess.DEVNULL, env=dict(options.environ)
            )
        crew.channel = Channel(ours, self._handle, lambda: None)

    async def _tell(self, crew: Crew, packed: bytes, new: list[SocketKey]) -> None:
        """Have a worker serve a configuration, which is pickled: that takes long enough to be done once for all."""
        descriptors = [crew.sockets[key].fileno() for key in new]
        await crew.ask("apply", (packed, new), within=_START_TIME, descriptors=descriptors)

    async def _tell_all(self, packed: bytes, new: dict[Crew, list[SocketKey]]) -> list[BaseException | None]:
        told = (self._tell(crew, packed, new[crew]) for crew in self.crews)
        return await asyncio.gather(*told, return_exceptions=True)

    async def _restore(self, plan: Plan) -> None:
        """Bring back to the plan that serves whoever had already swapped."""
        await self.http.apply(plan.http)
        for crew in self.crews:
            try:
                await self._tell(crew, self._packed, [])
            except (RuntimeError, ChannelClosed, TimeoutError):
                self.log.error(f"worker {crew.number} could not go back to the old configuration")

    async def _keep(self, crew: Crew) -> None:
        """Start the worker again whenever it ends, after a pause that grows while it does not live long."""
        while True:
            began = time.monotonic()
            code = await crew.ended()
            self._past = merge([self._past, settled(crew.latest)])
            crew.latest = []
            self._restarts.value += 1
            self.log.error(f"worker {crew.number} ended with code {code}, starting it again")
            crew.pause = _FIRST_PAUSE if time.monotonic() - began > _LONGEST_PAUSE else crew.pause * 2
            await asyncio.sleep(min(crew.pause, _LONGEST_PAUSE))
            try:
                await self._start(crew)
                await self._tell(crew, self._packed, list(crew.sockets))
            except (ResolverError, RuntimeError, ChannelClosed, TimeoutError, OSError) as error:
                self.log.error(f"worker {crew.number} cannot serve: {error}")
                crew.kill()

    async def _end(self, crew: Crew) -> None:
        try:
            await crew.ask("stop", within=_ANSWER_TIME)
            async with asyncio.timeout(DRAIN_TIME + _ANSWER_TIME):
                await crew.ended()
        except (ChannelClosed, TimeoutError, RuntimeError):
            crew.kill()
            await crew.ended()

    # --- seen from outside

    async def _handle(self, what: str, payload: object, descriptors: list[int]) -> None:
        if what == "fail":
            self.fail(str(payload))

    async def _scrape(self) -> Snapshot:
        """The metrics of all workers and of this process as one."""
        snapshots = await self._each("snapshot")
        for crew, latest in zip(self.crews, snapshots, strict=True):
            crew.latest = latest or crew.latest
        return merge([snapshot(self.host.registry), self._past, *(one for one in snapshots if one is not None)])

    async def _unready(self, address: tuple[str, int]) -> Sequence[str]:
        """What keeps any worker from being ready, as asked at this HTTP address."""
        reasons: list[str] = []
        for crew, answer in zip(self.crews, await self._each("unready", address), strict=True):
            reasons.extend([f"worker {crew.number}"] if answer is None else answer)
        return list(dict.fromkeys(reasons))

    async def _each(self, what: str, payload: object = None) -> list[Any]:
        async def one(crew: Crew) -> Any:
            try:
                return await crew.ask(what, payload, within=_ANSWER_TIME)
            except (ChannelClosed, TimeoutError, RuntimeError):
                return None

        return list(await asyncio.gather(*(one(crew) for crew in self.crews)))


def _forget(crew: Crew, keys: list[SocketKey]) -> None:
    for key in keys:
        crew.sockets.pop(key).close()


def _raise_any(outcomes: Iterable[BaseException | None]) -> None:
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
