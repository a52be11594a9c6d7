"""The /ready endpoint, for all server blocks that name its address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from resolver.chain.capabilities import HttpAnswer, HttpEndpoint, HttpRequest, Ready, offering
from resolver.chain.plugin import Part
from resolver.chain.setup import Block, Host
from resolver.plugins.ready.settings import UNTIL_READY, Settings

_PLAIN = "text/plain; charset=utf-8"


class ReadyEndpoint(Part):
    """Knows which parts of its block are not ready. With ``until-ready`` a part that was ready once stays so."""

    name = "ready"

    def __init__(self, settings: Settings, block: Block, host: Host) -> None:
        self.settings = settings
        self._block = block
        self._host = host
        self._was_ready: set[int] = set()

    @property
    def address(self) -> tuple[str, int]:
        """Where it is asked."""
        return self.settings.address

    def endpoints(self) -> Sequence[HttpEndpoint]:
        """/ready at the directive's address."""
        host, port = self.settings.address
        return [HttpEndpoint(host, port, "/ready", self._answer)]

    def waiting_for(self) -> list[str]:
        """Names of the parts of this block that cannot serve yet."""
        return [part.name for part in offering(self._block.parts, Ready) if not self._is_ready(part)]

    def unready(self) -> list[str]:
        """What keeps this process from being ready: that it stops, why it was suspended, or names of parts, sorted."""
        if self._host.stopping:
            return ["Shutting down"]
        names = {name for other in self._sharing() for name in other.waiting_for()}
        reasons = [f"{who}: {reason}" if reason else who for who, reason in sorted(self._host.suspended.items())]
        return sorted(names) + reasons

    async def _answer(self, request: HttpRequest) -> HttpAnswer:
        everywhere = self._host.unready
        if everywhere is None or self._host.stopping:
            missing: Sequence[str] = self.unready()
        else:
            missing = await everywhere(self.address)
        if not missing:
            return HttpAnswer(200, _PLAIN, b"OK")
        return HttpAnswer(503, _PLAIN, ",".join(missing).encode())

    def _is_ready(self, part: Ready) -> bool:
        if self.settings.monitor == UNTIL_READY and id(part) in self._was_ready:
            return True
        ready = part.is_ready()
        if ready:
            self._was_ready.add(id(part))  # parts live as long as their block, so the number stays theirs
        return ready

    def _sharing(self) -> Iterable[ReadyEndpoint]:
        """The parts of all blocks in service that share this address, this one among them."""
        found = {self}
        for block in self._host.blocks():
            for part in block.parts:
                if isinstance(part, ReadyEndpoint) and part.settings.address == self.settings.address:
                    found.add(part)
        return found
