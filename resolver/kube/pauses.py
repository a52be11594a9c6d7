"""How long to wait before the API is asked again."""

from __future__ import annotations

import asyncio
import random

FIRST, FACTOR, MOST = 0.25, 1.8, 30.0  # seconds, for what fails again and again
LONG = 60.0  # seconds, for what only an operator changes: a permission, a definition that is not installed


class Pauses:
    """Waits that grow while nothing works, each between half and one and a half of its length at random."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._next = FIRST

    def reset(self) -> None:
        """It works: the next wait is a short one."""
        self._next = FIRST

    async def growing(self, at_least: float = 0.0) -> None:
        """Wait longer than the time before, up to about half a minute, and as long as the API asks for."""
        wait, self._next = self._next, min(MOST, self._next * FACTOR)
        await asyncio.sleep(max(self._jittered(wait), min(at_least, 2 * LONG)))

    async def short(self) -> None:
        """Wait a moment, so that many who are told the same thing do not all come back at once."""
        await asyncio.sleep(self._jittered(FIRST))

    async def long(self) -> None:
        """Wait about a minute."""
        await asyncio.sleep(self._jittered(LONG))

    def _jittered(self, seconds: float) -> float:
        return seconds * (0.5 + self._chance.random())
