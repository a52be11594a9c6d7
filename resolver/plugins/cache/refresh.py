"""Refreshes behind the back of clients: one per answer, a limited number in the process, each with a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from resolver.telemetry.log import Log

MOST_REFRESHES = 512
LONGEST_REFRESH = 10.0  # seconds; a forward gives up earlier

T = TypeVar("T")


class Places:
    """How many refreshes the caches of a process may have under way together."""

    def __init__(self, free: int = MOST_REFRESHES) -> None:
        self.free = free


class Refreshes(Generic[T]):
    """Tasks under way by key. What fails unforeseen is logged: nobody waits for it."""

    __slots__ = ("_log", "_places", "_tasks")

    def __init__(self, places: Places, log: Log) -> None:
        self._places = places
        self._log = log
        self._tasks: dict[bytes, asyncio.Task[T | None]] = {}

    def get(self, key: bytes) -> asyncio.Task[T | None] | None:
        """The refresh of this key that is under way."""
        return self._tasks.get(key)

    def start(self, key: bytes, work: Callable[[], Coroutine[Any, Any, T | None]]) -> asyncio.Task[T | None] | None:
        """Begin a refresh; None where too many are under way. The task gives None when it failed or took too long."""
        if self._places.free <= 0:
            return None
        self._places.free -= 1
        task = asyncio.get_running_loop().create_task(self._run(work))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._ended(key))
        return task

    async def stop(self) -> None:
        """Cancel what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._tasks)

    def _ended(self, key: bytes) -> None:
        self._places.free += 1
        del self._tasks[key]

    async def _run(self, work: Callable[[], Coroutine[Any, Any, T | None]]) -> T | None:
        try:
            async with asyncio.timeout(LONGEST_REFRESH):
                return await work()
        except TimeoutError:
            return None
        except Exception as error:
            self._log.error(f"refresh failed: {type(error).__name__}: {error}")
            return None


async def wait_for(task: asyncio.Task[T], seconds: float) -> None:
    """Wait until the task is done, or as long as said; the task goes on."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake(*_: object) -> None:
        if not waiter.done():
            waiter.set_result(None)

    timer = loop.call_later(seconds, wake)
    task.add_done_callback(wake)
    try:
        await waiter
    finally:
        timer.cancel()
        task.remove_done_callback(wake)
