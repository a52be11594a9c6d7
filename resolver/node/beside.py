"""What runs beside the server in one process: keeping link and rules, watching what the Corefile is made from."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine

from resolver.node.corefile import LONGEST_PAUSE, Corefile
from resolver.node.keeper import Keeper
from resolver.node.metrics import MetricsServer, NodeMetrics
from resolver.node.settings import NodeSettings
from resolver.telemetry.log import Log


class Beside:
    """Goes along with a server: ``begun`` when it answers, ``ending`` before it stops to."""

    def __init__(
        self, settings: NodeSettings, keeper: Keeper | None, corefile: Corefile, metrics: NodeMetrics, log: Log
    ) -> None:
        self.settings = settings
        self.keeper = keeper
        self.corefile = corefile
        self.log = log
        self._http = MetricsServer(metrics, settings.metrics, log)
        self._tasks: list[asyncio.Task[None]] = []

    async def begun(self) -> None:
        """Begin to keep and to watch."""
        await self._http.start()
        self._go(self._watch)
        if self.keeper is not None:
            self._go(self.keeper.run)

    async def ending(self) -> None:
        """Rules first: from here on queries to the cluster's DNS go there, while the server still answers others."""
        if self.keeper is not None and not self.settings.skip_teardown:
            await self.keeper.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._http.stop()

    def _go(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        self._tasks.append(asyncio.create_task(self._lasting(work)))

    async def _lasting(self, work: Callable[[], Coroutine[None, None, None]]) -> None:
        """Do it again where it fails: an error nobody foresaw must not leave link and rules unattended."""
        while True:
            try:
                await work()
                return
            except Exception as error:
                self.log.error(f"node-local mode: {type(error).__name__}: {error}")
                await asyncio.sleep(LONGEST_PAUSE)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(min(self.settings.sync, LONGEST_PAUSE))
            notices = self.corefile.reloads_itself and not self.settings.reload_with_signal
            if await asyncio.to_thread(self.corefile.look) and not notices:
                os.kill(os.getpid(), signal.SIGUSR1)
