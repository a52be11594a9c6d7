"""The /health endpoint, the lameduck time, and the look at oneself."""

from __future__ import annotations

from collections.abc import Sequence

from resolver.chain.capabilities import HttpAnswer, HttpEndpoint, HttpRequest
from resolver.chain.plugin import Part
from resolver.chain.setup import Host
from resolver.plugins.health.selfcheck import SelfCheck, checks_of
from resolver.plugins.health.settings import Settings


class Health(Part):
    """Answers as long as the event loop turns, also in lameduck; asks itself once a second how long that takes."""

    name = "health"

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self._host = host
        self._check = SelfCheck(settings.address, host.registry, host.log.named(self.name), host.clock)

    @property
    def lameduck(self) -> float:
        """Seconds to go on serving after being told to stop."""
        return self.settings.lameduck

    def endpoints(self) -> Sequence[HttpEndpoint]:
        """/health at the directive's address; blocks that name the same one share it."""
        host, port = self.settings.address
        return [HttpEndpoint(host, port, "/health", self._answer)]

    async def start(self) -> None:
        """Begin to look at oneself; of several workers the first one does, and of several parts one per address."""
        if self._host.worker == 0:
            checks_of(self._host.registry).join(self.settings.address, self._check)

    async def stop(self) -> None:
        """End that, with the last part that wants it."""
        await checks_of(self._host.registry).leave(self.settings.address, self._check)

    async def _answer(self, request: HttpRequest) -> HttpAnswer:
        return HttpAnswer(200, "text/plain; charset=utf-8", b"OK")
