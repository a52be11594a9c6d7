"""How long leases last: asked when an answer needs it, and remembered for a few seconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Final, Protocol

from resolver.errors import ResolverError

REMEMBERED: Final = 5.0  # seconds
PATIENCE: Final = 1.0  # seconds that an answer waits
MOST_AT_ONCE: Final = 32  # leases that are asked for because of one answer
MOST_REMEMBERED: Final = 10_000


class Asking(Protocol):
    """What is needed of a gateway."""

    async def ask(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer to a request. Raises ResolverError."""


class Leases:
    """What is left of leases, in seconds; whoever holds one may prolong it at any time."""

    def __init__(self, gateway: Asking, clock: Callable[[], float]) -> None:
        self._gateway = gateway
        self._clock = clock
        self._known: dict[int, tuple[float, int | None]] = {}
        self._asking: dict[int, asyncio.Task[None]] = {}

    def left(self, lease: int) -> int | None:
        """Seconds that are left of it, None where that is not known."""
        known = self._known.get(lease)
        if known is None or known[1] is None:
            return None
        return max(known[1] - int(self._clock() - known[0]), 0)

    def stale(self, leases: Iterable[int]) -> list[int]:
        """Those that should be asked for, at most 32."""
        oldest = self._clock() - REMEMBERED
        found = [lease for lease in leases if self._known.get(lease, (oldest, None))[0] <= oldest]
        return found[:MOST_AT_ONCE]

    async def refresh(self, leases: Iterable[int]) -> None:
        """Ask for them and wait, but not for long."""
        loop = asyncio.get_running_loop()
        for lease in leases:
            if lease not in self._asking:
                self._asking[lease] = loop.create_task(self._ask(lease))
        waiting = [self._asking[lease] for lease in leases if lease in self._asking]
        if waiting:
            await loop.create_task(_wait(waiting))

    async def stop(self) -> None:
        """Ask no more."""
        for task in list(self._asking.values()):
            task.cancel()

    async def _ask(self, lease: int) -> None:
        left: int | None = None
        try:
            answer = await self._gateway.ask("/v3/lease/timetolive", {"ID": str(lease)})
            found = int(answer.get("TTL", 0))
            left = found if found > 0 else None
        except (ResolverError, TypeError, ValueError):
            left = None  # the service's own TTL stands in
        finally:
            self._asking.pop(lease, None)
        while len(self._known) >= MOST_REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known.pop(lease, None)
        self._known[lease] = self._clock(), left


async def _wait(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks, timeout=PATIENCE)
