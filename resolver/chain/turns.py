"""Long work of the event loop in pieces, so that queries are answered in between."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

# Seconds. What a busy server is asked in this time fits into the buffer of a socket, which holds some 250 queries where
# the system has not been told to give more.
PIECE = 0.002


class Turns:
    """When it is somebody else's turn."""

    __slots__ = ("_end",)

    def __init__(self) -> None:
        self._end = time.perf_counter() + PIECE

    async def give(self) -> None:
        """Let everybody else who is ready go first, if the present piece of work has taken long enough."""
        if time.perf_counter() >= self._end:
            await asyncio.sleep(0)
            self._end = time.perf_counter() + PIECE

    async def all(self, steps: Generator[None, None, T]) -> T:
        """What the steps return, with turns given in between."""
        while True:
            try:
                next(steps)
            except StopIteration as stop:
                result: T = stop.value
                return result
            await self.give()
