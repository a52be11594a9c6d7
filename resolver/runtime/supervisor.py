"""Several workers on the same ports: started, restarted, reloaded, drained, and shown as one."""

from __future__ import annotations

import asyncio
import pickle
import time
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from resolver import __version__
from resolver.chain.turns import Turns
from resolver.config.model import Config
from resolver.errors import ResolverError
from resolver.listeners.http import HttpServers
from resolver.listeners.sockets import leave
from resolver.runtime.channel import ChannelClosed
from resolver.runtime.crew import Child, Crew, wanted
from resolver.runtime.garbage import Settling
from resolver.runtime.life import Life
from resolver.runtime.options import Options
from resolver.runtime.plan import Plan, assembling
from resolver.runtime.server import DRAIN_TIME
from resolver.runtime.sockets import SocketKey
from resolver.telemetry.process import watch_process
from resolver.telemetry.snapshot import Snapshot, merge, settled, snapshot

_START_TIME = 20.0  # seconds until a new worker serves
_ANSWER_TIME = 2.0  # seconds for what a worker can say at once
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 30.0  # seconds before a worker that did not live long is started again
_PULSE_PAUSE, _PULSE_TIME = 5.0, 10.0  # seconds between two looks whether a worker hangs, and for its answer
_FAILURES = (ResolverError, RuntimeError, ChannelClosed, TimeoutError, OSError)


class Supervisor(Life):
    """Owns the sockets and the HTTP endpoints; the workers own the chains."""

    def __init__(self, options: Options, workers: int) -> None:
        super().__init__(options, workers)
        self.crews = [Crew(number) for number in range(workers)]
        self.http = HttpServers(options.log)
        watch_process(self.host.registry, __version__)
        self.host.scrape = self._scrape
        self.host.unready = self._unready
        self.host.inspect = self._inspect
        self._packed = b""
        self._settling = Settling()
        self._past: Snapshot = []
        self._keeping: list[asyncio.Task[None]] = []
        self._changing = asyncio.Lock()  # a worker is started or all of them swap, never both at a time
        self._restarts = self.host.registry.counter(
            "coredns_worker_restarts_total", "Worker processes that ended by themselves and were started again."
        ).cell()

    async def apply(self, config: Config) -> None:
        """Start all workers with the configuration, or have all of them swap to it. Raises ResolverError."""
        plan = await Turns().all(assembling(config, self.host, self.options.port))
        packed = pickle.dumps(config)  # takes long enough to be done once for all
        async with self._changing:
            first = not self._keeping
            opened = self._open(plan)
            try:
                if first:
                    await _all(self._serve(crew, plan, packed) for crew in self.crews)
                else:
                    for crew in self.crews:  # one after the other, so that the others answer meanwhile
                        await self._serve(crew, plan, packed)
                await self.http.apply(plan.http)
            except _FAILURES as error:
                if not first:
                    await self._restore()
                for crew, keys in opened.items():
                    crew.forget(keys)
                raise ResolverError(_said(error)) from None
            for crew in self.crews:
                crew.forget(list(crew.sockets.keys() - set(wanted(plan))))
            previous, self.plan, self._packed = self.plan, plan, packed
            self._settling.settle(await Turns().all(previous.dissolve()))
            if first:
                keepers = (keep(crew) for crew in self.crews for keep in (self._keep, self._feel_pulse))
                self._keeping = [asyncio.create_task(keeper) for keeper in keepers]

    async def close(self) -> None:
        """Have the workers finish what they have, then end."""
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)
        for crew in self.crews:
            for sock in crew.sockets.values():
                leave(sock)
        await asyncio.gather(*(self._end(crew) for crew in self.crews))
        await self.http.stop()
        for crew in self.crews:
            crew.forget(list(crew.sockets))

    async def stopping(self) -> None:
        """Tell the workers that the end is near, so that they are no longer ready."""
        await self._each("stopping")

    # --- one worker

    def _open(self, plan: Plan) -> dict[Crew, list[SocketKey]]:
        """Open for each worker the sockets that it needs and does not have; which ones they are."""
        opened: dict[Crew, list[SocketKey]] = {}
        try:
            for crew in self.crews:
                opened[crew] = crew.open(plan)
        except BaseException:
            for crew, keys in opened.items():
                crew.forget(keys)
            raise
        return opened

    async def _serve(self, crew: Crew, plan: Plan, packed: bytes) -> None:
        """Have a worker serve the plan, which a new process has to do where the present one is gone."""
        if crew.child is not None:
            try:
                await self._tell(crew, plan, packed)
                return
            except ChannelClosed:
                await self._bury(crew, crew.child)
        crew.open(plan)
        await crew.start(self.options, self._handle, lambda: None)
        await self._tell(crew, plan, packed)

    async def _tell(self, crew: Crew, plan: Plan, packed: bytes) -> None:
        """Hand the worker the plan's configuration, which is pickled, and what sockets are missing there."""
        deadline = time.monotonic() + _START_TIME
        held = await crew.ask("held", within=_START_TIME)
        missing = [key for key in wanted(plan) if key not in held]
        descriptors = [crew.sockets[key].fileno() for key in missing]
        within = deadline - time.monotonic()
        await crew.ask("apply", (packed, missing), within=within, descriptors=descriptors)

    async def _restore(self) -> None:
        """Bring everybody back to the plan that serves; who cannot go back is started again."""

        async def restore(crew: Crew) -> None:
            try:
                await self._tell(crew, self.plan, self._packed)
            except _FAILURES as error:
                self.log.error(f"worker {crew.number} cannot go back to the old configuration: {_said(error)}")
                crew.kill()

        await asyncio.gather(*(restore(crew) for crew in self.crews))

    async def _bury(self, crew: Crew, child: Child) -> None:
        """Make sure that the process is gone, and keep what it has counted."""
        child.kill()
        await child.process.wait()
        if crew.child is child:
            crew.child = None
            self._past = merge([self._past, settled(child.latest)])

    async def _keep(self, crew: Crew) -> None:
        """Start the worker again whenever it ends, after a pause that grows while it does not live long."""
        while True:
            child, began = crew.child, time.monotonic()
            if child is not None:
                code = await child.process.wait()
                self.log.error(f"worker {crew.number} ended with code {code}, starting it again")
                self._restarts.value += 1
                await self._bury(crew, child)
            pause = self._pause(crew, time.monotonic() - began)
            if pause > _FIRST_PAUSE:
                await self._leave_place(crew)
            await asyncio.sleep(pause)
            async with self._changing:
                if crew.child is not None:
                    continue  # a reload has started it meanwhile
                try:
                    await self._serve(crew, self.plan, self._packed)
                except _FAILURES as error:
                    self.log.error(f"worker {crew.number} cannot serve: {_said(error)}")
                    crew.kill()

    def _pause(self, crew: Crew, lived: float) -> float:
        """How long to wait with the next start."""
        if lived > _LONGEST_PAUSE:
            crew.pause = 0.0
        else:
            crew.pause = min(max(_FIRST_PAUSE, crew.pause * 2), _LONGEST_PAUSE)
        return crew.pause

    async def _leave_place(self, crew: Crew) -> None:
        """Leave the clients of a worker that keeps falling to the others: the kernel spreads them over open sockets."""
        async with self._changing:
            if crew.child is None:
                crew.forget(list(crew.sockets))

    async def _feel_pulse(self, crew: Crew) -> None:
        """Kill a worker that hangs: /health is answered here, and nobody else would notice."""
        while True:
            await asyncio.sleep(_PULSE_PAUSE)
            child = crew.child
            if child is None or self._changing.locked():
                continue
            try:
                await child.channel.ask("pulse", within=_PULSE_TIME)
            except TimeoutError:
                if not self._changing.locked():
                    self.log.error(f"worker {crew.number} has not answered for {_PULSE_TIME:g}s and is killed")
                    child.kill()
            except (ChannelClosed, RuntimeError):
                continue

    async def _end(self, crew: Crew) -> None:
        child = crew.child
        if child is None:
            return
        try:
            await child.channel.ask("stop", not self.exit_code, within=_ANSWER_TIME)
            async with asyncio.timeout(DRAIN_TIME + _ANSWER_TIME):
                await child.process.wait()
        except (ChannelClosed, TimeoutError, RuntimeError):
            self.log.error(f"worker {crew.number} did not end by itself and is killed")
        await self._bury(crew, child)

    # --- seen from outside

    async def _handle(self, what: str, payload: object, descriptors: list[int]) -> None:
        if what == "fail":
            self.fail(str(payload))

    async def _scrape(self) -> Snapshot:
        """The metrics of all workers and of this process as one."""

        async def refresh(crew: Crew) -> None:
            child = crew.child
            if child is None:
                return
            try:
                child.latest = await child.channel.ask("snapshot", within=_ANSWER_TIME)
                child.answered = True
            except (ChannelClosed, TimeoutError, RuntimeError):
                child.answered = False

        await asyncio.gather(*(refresh(crew) for crew in self.crews))
        children = [crew.child for crew in self.crews if crew.child is not None]
        return merge([snapshot(self.host.registry), self._past, *(child.figures for child in children)])

    async def _unready(self, address: tuple[str, int]) -> Sequence[str]:
        """What keeps any worker from being ready, as asked at this HTTP address."""
        reasons: list[str] = []
        for crew, answer in zip(self.crews, await self._each("unready", address), strict=True):
            reasons.extend([f"worker {crew.number}"] if answer is None else answer)
        return list(dict.fromkeys(reasons))

    async def _inspect(self, part: str, wish: Any, worker: int, within: float) -> Any:
        """What a part finds in one worker."""
        if not 0 <= worker < len(self.crews):
            return None
        return await self.crews[worker].ask("inspect", (part, wish), within=within)

    async def _each(self, what: str, payload: object = None) -> list[Any]:
        """What each worker answers, None for those that do not."""

        async def one(crew: Crew) -> Any:
            try:
                return await crew.ask(what, payload, within=_ANSWER_TIME)
            except (ChannelClosed, TimeoutError, RuntimeError):
                return None

        return list(await asyncio.gather(*(one(crew) for crew in self.crews)))


async def _all(steps: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Take all steps side by side to their end; raises what went wrong, where it can be told."""
    results = await asyncio.gather(*steps, return_exceptions=True)
    failures = [result for result in results if isinstance(result, BaseException)]
    if failures:
        raise min(failures, key=lambda failure: isinstance(failure, ChannelClosed))


def _said(error: BaseException) -> str:
    if isinstance(error, ChannelClosed):
        return "a worker ended before it served"
    if isinstance(error, TimeoutError):
        return f"a worker did not serve within {_START_TIME:g}s"
    return str(error) or type(error).__name__
