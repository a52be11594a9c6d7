"""The usual case: one process that does everything itself."""

from __future__ import annotations

from resolver.config.model import Config
from resolver.replay.store import Stores
from resolver.runtime.garbage import Settling
from resolver.runtime.life import Life
from resolver.runtime.options import Options
from resolver.runtime.server import REPLAY_BUDGET, Server


class Process(Life):
    """Serves by itself, without workers."""

    def __init__(self, options: Options) -> None:
        super().__init__(options)
        self.stores = Stores(REPLAY_BUDGET)
        self.host.withdraw = self.stores.withdraw
        self.host.registry.before_read(self.stores.fold)
        self.settling = Settling()
        self.server = Server(self.host, self.stores, default_port=options.port)

    async def apply(self, config: Config) -> None:
        """Serve the configuration from now on. Raises ResolverError."""
        self.plan = await self.server.apply(config)
        self.settling.settle(self.server.left_behind)

    async def close(self) -> None:
        """Finish the queries under way and close everything."""
        await self.server.stop(drain=not self.exit_code)

    async def stopping(self) -> None:
        """Nobody else needs to know."""
