"""Queries that are held for a moment, because it may become known who asks."""

from __future__ import annotations

import asyncio
from typing import Final

MOST_WAITING: Final = 1000  # queries; whoever comes after them is not held


class WaitingRoom:
    """Holds queries by address until somebody tells of it, or for a time."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}
        self._count = 0

    @property
    def is_full(self) -> bool:
        """Whether nobody else is held."""
        return self._count >= MOST_WAITING

    async def wait(self, address: str, seconds: float) -> None:
        """Wait for news of an address, at most so many seconds; not at all where the room is full."""
        if self.is_full or seconds <= 0:
            return
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        alarm = loop.call_later(seconds, _settle, waiter)
        self._waiting.setdefault(address, []).append(waiter)
        self._count += 1
        try:
            await waiter
        finally:
            alarm.cancel()
            self._count -= 1
            others = self._waiting.get(address, [])
            if waiter in others:
                others.remove(waiter)
            if not others:
                self._waiting.pop(address, None)

    def tell(self, address: str) -> None:
        """There are news of an address."""
        for waiter in self._waiting.pop(address, ()):
            _settle(waiter)


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
