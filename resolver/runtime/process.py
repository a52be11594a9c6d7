"""A process that serves: signals, lameduck, watching the configuration, and why it ended."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from resolver.chain.setup import Host
from resolver.config.load import digest_now, load, load_text
from resolver.config.model import Config
from resolver.errors import ResolverError
from resolver.replay.store import Stores
from resolver.runtime.server import Server
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry

REPLAY_BUDGET = 32 << 20  # octets of answers kept for replay, beside the caches


@dataclass(frozen=True, slots=True)
class Options:
    """How to run: ``conf`` is a path, or None for ``text`` as the configuration."""

    conf: str | None = None
    text: str = ""
    port: int = 53
    log: Log = field(default_factory=Log)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def read(self) -> Config:
        """The configuration as it is now. Raises ConfigError or ConfigErrors."""
        if self.conf is None:
            return load_text(self.text, environ=self.environ)
        return load(self.conf, environ=self.environ)


class Process:
    """One process that serves until a signal, or until a part says that it must not go on."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.log = options.log
        self.ending = asyncio.Event()
        self.exit_code = 0
        self.stores = Stores(REPLAY_BUDGET)
        self.host = Host(
            clock=time.monotonic,
            registry=Registry(),
            log=options.log,
            fail=self._fail,
            withdraw=self.stores.withdraw,
        )
        self.host.registry.before_read(self.stores.fold)
        self.server = Server(self.host, self.stores, default_port=options.port)
        self._reloading = asyncio.Lock()
        self._failed_reloads = self.host.registry.counter(
            "coredns_reload_failed_total", "Configurations that could not be put into service."
        ).cell()

    async def run(self, ready: Callable[[], None] = lambda: None) -> int:
        """Serve; the exit code. Raises ResolverError where serving cannot begin."""
        loop = asyncio.get_running_loop()
        config = self.options.read()
        await self.server.apply(config)
        gc.freeze()  # what start-up made stays; the collector need not look at it again
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.ending.set)
        loop.add_signal_handler(signal.SIGUSR1, lambda: loop.create_task(self.reload()))
        loop.add_signal_handler(signal.SIGHUP, lambda: None)
        watching = loop.create_task(self._watch())
        ready()
        await self.ending.wait()
        watching.cancel()
        await self._lameduck()
        await self.server.stop()
        return self.exit_code

    async def reload(self) -> None:
        """Put the configuration as it is now into service; a wrong one is said and left."""
        async with self._reloading:
            try:
                await self.server.apply(await asyncio.to_thread(self.options.read))
            except ResolverError as error:
                self._failed_reloads.value += 1
                for line in str(error).splitlines():
                    self.log.error(f"reload: {line}")
                self.log.error("reload failed, the old configuration goes on serving")
            else:
                self.log.info("reloading complete")

    async def _watch(self) -> None:
        seen = ""
        while True:
            plan = self.server.plan
            settings = plan.reloading if plan else None
            if plan is None or settings is None:
                await asyncio.sleep(1)
                continue
            jitter = settings.jitter * self.host.chance.uniform(-1, 1)
            await asyncio.sleep(max(settings.interval + jitter, 0.1))
            config = self.server.plan.config if self.server.plan else plan.config
            digest = await asyncio.to_thread(digest_now, config)
            if digest not in (config.digest, seen):
                seen = digest
                await self.reload()

    async def _lameduck(self) -> None:
        plan = self.server.plan
        self.host.stopping = True
        if plan is None or not plan.lameduck or self.exit_code:
            return
        self.log.info(f"going into lameduck mode for {plan.lameduck:g}s")
        self.ending.clear()
        try:
            async with asyncio.timeout(plan.lameduck):
                await self.ending.wait()  # a second signal ends the wait
        except TimeoutError:
            return

    def _fail(self, reason: str) -> None:
        self.log.fatal(reason)
        self.exit_code = 1
        self.ending.set()


def serve(options: Options, ready: Callable[[], None] = lambda: None) -> int:
    """Run a serving process to its end; the exit code. Raises ResolverError where serving cannot begin."""

    async def main() -> int:
        return await Process(options).run(ready)

    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main())


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


