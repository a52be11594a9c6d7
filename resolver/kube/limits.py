"""How often the API may be asked: a bucket of tokens, as other Kubernetes clients have it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Limiter:
    """``qps`` requests a second on average, ``burst`` at once; more wait for their turn in the order they came."""

    def __init__(self, qps: float, burst: int, clock: Callable[[], float]) -> None:
        self._interval = 1.0 / qps
        self._slack = (burst - 1) * self._interval
        self._clock = clock
        self._next = clock() - self._slack

    async def take(self) -> float:
        """Wait until a request may go; how many seconds that took."""
        wait = self.reserve()
        if wait > 0:
            await asyncio.sleep(wait)
        return wait

    def reserve(self) -> float:
        """Take the next turn; in how many seconds it is."""
        now = self._clock()
        self._next = max(self._next, now - self._slack)
        wait = max(0.0, self._next - now)
        self._next += self._interval
        return wait
