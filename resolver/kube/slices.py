"""Long work of the event loop in slices, so that questions are answered in between."""

from __future__ import annotations

import asyncio
import time

# Seconds, as everywhere where the loop has long work to do (resolver/chain/turns.py).
SLICE = 0.002


class Slices:
    """When it is somebody else's turn."""

    __slots__ = ("_end",)

    def __init__(self) -> None:
        self._end = time.perf_counter() + SLICE

    @property
    def over(self) -> bool:
        """Whether the present slice has taken long enough."""
        return time.perf_counter() >= self._end

    async def give(self) -> None:
        """Let everybody else who is ready go first, if the present slice has taken long enough."""
        if self.over:
            await asyncio.sleep(0)
            self.begin()

    def begin(self) -> None:
        """After a wait: a new slice begins."""
        self._end = time.perf_counter() + SLICE
