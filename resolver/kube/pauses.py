"""How long to wait before the API is asked again."""

from __future__ import annotations

import asyncio
import random

FIRST, FACTOR, MOST = 0.25, 1.8, 30.0  # seconds, for what fails again and again
SLOW_FIRST, SLOW_MOST = 1.0, 60.0  # seconds, for what only an operator changes: a permission, a missing definition
MOST_ASKED = 120.0  # seconds that the API may ask for


class Pauses:
    """Waits that grow while nothing works, each between half and one and a half of its length at random."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._tries = 0

    def reset(self) -> None:
        """It works: the next wait is a short one."""
        self._tries = 0

    async def growing(self, at_least: float = 0.0) -> None:
        """Wait longer than the time before, up to about half a minute, and as long as the API asks for."""
        await asyncio.sleep(max(self._next(FIRST, MOST), min(at_least, MOST_ASKED)))

    async def slow(self) -> None:
        """Wait longer than the time before, up to about a minute."""
        await asyncio.sleep(self._next(SLOW_FIRST, SLOW_MOST))

    def _next(self, first: float, most: float) -> float:
        seconds = min(most, first * FACTOR ** min(self._tries, 20))
        self._tries += 1
        return seconds * (0.5 + self._chance.random())
