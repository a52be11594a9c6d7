"""The life of a serving process: begin, signals, watching the configuration, lameduck, end."""

from __future__ import annotations

import asyncio
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable

from resolver.chain.setup import Host
from resolver.config.load import digest_now
from resolver.config.model import Config
from resolver.errors import ResolverError
from resolver.runtime.complaints import hear_all
from resolver.runtime.garbage import paused
from resolver.runtime.options import Options
from resolver.runtime.plan import MAX_WORKERS, Plan, wanted_workers
from resolver.telemetry.metrics import Registry

_LONGEST_RELOAD = 10.0  # seconds that the end waits for a reload under way
_UNWATCHED_PAUSE = 1.0  # seconds until a look whether the configuration is to be watched by now


class Life(ABC):
    """What a single process and a supervisor of workers have in common; how they serve is their own.

    ``first`` is the configuration to begin with, where it has been read already.
    """

    def __init__(self, options: Options, workers: int = 1) -> None:
        self.options = options
        self.workers = workers
        self.first: Config | None = None
        self.log = options.log
        self.plan = Plan(Config(()))
        self.ending = asyncio.Event()
        self.exit_code = 0
        self.host = Host(clock=time.monotonic, registry=Registry(), log=options.log, fail=self.fail)
        self._swap = asyncio.Lock()
        self._waiting: asyncio.Task[None] | None = None
        self._reloading: asyncio.Task[None] | None = None
        self._refused = ""
        self._failed = self.host.registry.counter(
            "coredns_reload_failed_total", "Configurations that could not be put into service."
        ).cell()
        self._version = self.host.registry.gauge(
            "coredns_reload_version_info", "The hash of the configuration in service.", ("hash", "value"), merge="max"
        )

    @abstractmethod
    async def apply(self, config: Config) -> None:
        """Put a configuration into service and note its plan; on ResolverError the old one goes on."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is under way and close everything."""

    @abstractmethod
    async def stopping(self) -> None:
        """Tell whoever wants to know that the end is near."""

    async def run(self, ready: Callable[[Plan], None]) -> int:
        """Serve until a signal or a failure; the exit code. Raises ResolverError where serving cannot begin."""
        loop = asyncio.get_running_loop()
        hear_all(loop, self.log)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
            loop.add_signal_handler(number, self._told_to_end, number)
        loop.add_signal_handler(signal.SIGUSR1, self._reload_soon)
        loop.add_signal_handler(signal.SIGHUP, lambda: None)  # sent when a terminal goes; no reason to end
        try:
            if await self._has_begun():
                ready(self.plan)
                if self.options.companion is not None:
                    await self.options.companion.begun()
                watching = loop.create_task(self._watch())
                await self.ending.wait()
                watching.cancel()
                await self._lameduck()
        finally:
            await self._finish()
        return self.exit_code

    async def reload(self) -> None:
        """Put the configuration as it is now into service; a wrong one is said and left.

        One that is still wrong in the same way is tried again at each look, as what mends it may be a file that the
        serving configuration does not know, but said and counted only once.
        """
        async with self._swap:
            self._reloading, self._waiting = self._waiting, None
            if self.host.stopping:
                return
            try:
                with paused():
                    await self._put_into_service(await asyncio.to_thread(self.options.read))
            except Exception as error:  # whatever it is, the old configuration goes on
                reasons = str(error) if isinstance(error, ResolverError) else f"{type(error).__name__}: {error}"
                if reasons != self._refused:
                    self._say_refused(reasons)
            else:
                self._refused = ""
                self.log.named("reload").info(f"Running configuration SHA512 = {self.plan.config.digest}")
                self.log.info("Reloading complete")
                self._say_fixed()

    def _say_refused(self, reasons: str) -> None:
        self._refused = reasons
        self._failed.value += 1
        for line in reasons.splitlines():
            self.log.error(f"reload: {line}")
        self.log.error("reload failed: the old configuration goes on serving")

    def _say_fixed(self) -> None:
        """What the new configuration asks for and only a restart can give."""
        wanted = min(wanted_workers(self.plan), MAX_WORKERS)
        if not self.options.workers and wanted != self.workers:
            self.log.warning(f"multisocket asks for {wanted} workers; until a restart it stays at {self.workers}")

    def fail(self, reason: str) -> None:
        """End with exit code 1: something makes serving wrong."""
        self.log.fatal(reason)
        self.exit_code = 1
        self.ending.set()

    def _told_to_end(self, number: signal.Signals) -> None:
        if not self.options.quiet:
            self.log.info(f"{number.name}: shutting down")
        self.ending.set()

    async def _has_begun(self) -> bool:
        """Begin to serve; False where the end was asked for before that."""
        beginning = asyncio.create_task(self._begin())
        ending = asyncio.create_task(self.ending.wait())
        await asyncio.wait((beginning, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not beginning.done():
            self.host.stopping = True  # a reload that was asked for meanwhile does not begin either
            beginning.cancel()
            await asyncio.wait([beginning])
            return False
        beginning.result()
        return True

    async def _begin(self) -> None:
        """Serve the configuration that was read already, if there is one."""
        config, self.first = self.first, None
        async with self._swap:
            with paused():
                await self._put_into_service(config or self.options.read())

    async def _put_into_service(self, config: Config) -> None:
        await self.apply(config)
        self._version.cells.clear()
        self._version.cell("sha512", config.digest).value = 1

    def _reload_soon(self) -> None:
        self._refused = ""  # who asks for a reload wants to hear what is wrong, once more if need be
        self._reload()

    def _reload(self) -> asyncio.Task[None]:
        """Reload once what is under way has ended; one wait is enough for all who ask meanwhile."""
        if self._waiting is None:
            self._waiting = asyncio.get_running_loop().create_task(self.reload())
        return self._waiting

    async def _watch(self) -> None:
        """Reload when the files differ from what serves, or were refused the last time."""
        while True:
            settings = self.plan.reloading
            if settings is None:
                await asyncio.sleep(_UNWATCHED_PAUSE)
                continue
            # CoreDNS adds chance in both directions, so that many Pods do not reload in the same second
            await asyncio.sleep(settings.interval + settings.jitter * self.host.chance.uniform(-0.5, 0.5))
            config = self.plan.config
            if self._refused or await asyncio.to_thread(digest_now, config) != config.digest:
                await asyncio.wait([self._reload()])  # the end of the watch does not interrupt it

    async def _lameduck(self) -> None:
        self.host.stopping = True
        if self.options.companion is not None:
            await self.options.companion.ending()
        await self.stopping()
        if not self.plan.lameduck or self.exit_code:
            return
        self.log.info(f"lameduck: answering for another {self.plan.lameduck:g}s")
        self.ending.clear()
        try:
            async with asyncio.timeout(self.plan.lameduck):
                await self.ending.wait()  # a second signal ends the wait
        except TimeoutError:
            return

    async def _finish(self) -> None:
        """Close, but let a reload come to its end first: it holds queries and sockets of its own."""
        try:
            async with asyncio.timeout(_LONGEST_RELOAD):
                await self._swap.acquire()
        except TimeoutError:
            self.log.error("the reload under way does not end")
        await self.close()
