"""Refreshes behind the back of clients: one per answer, a limited number in all, each with a time limit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from resolver.chain.query import Query
from resolver.telemetry.log import Log
from resolver.wire.constants import AD
from resolver.wire.edns import Edns

MOST_REFRESHES = 512
LONGEST_REFRESH = 10.0  # seconds; a forward gives up earlier


class Refreshes:
    """Tasks under way by key. What fails unforeseen is logged: nobody waits for it."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._tasks: dict[bytes, asyncio.Task[Any]] = {}

    def get(self, key: bytes) -> asyncio.Task[Any] | None:
        """The refresh of this key that is under way."""
        return self._tasks.get(key)

    def start(self, key: bytes, work: Callable[[], Coroutine[Any, Any, Any]]) -> asyncio.Task[Any] | None:
        """Begin a refresh; None where there are too many. The task's result is None when it failed or was late."""
        if len(self._tasks) >= MOST_REFRESHES:
            return None
        task = asyncio.get_running_loop().create_task(self._run(work))
        self._tasks[key] = task
        task.add_done_callback(lambda _: self._tasks.pop(key, None))
        return task

    async def stop(self) -> None:
        """Cancel what is under way."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def __len__(self) -> int:
        return len(self._tasks)

    async def _run(self, work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        try:
            async with asyncio.timeout(LONGEST_REFRESH):
                return await work()
        except TimeoutError:
            return None
        except Exception as error:
            self._log.error(f"refresh failed: {type(error).__name__}: {error}")
            return None


async def wait_for(task: asyncio.Task[Any], seconds: float) -> None:
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


def background(query: Query) -> Query:
    """The question as the server asks it for itself: no client's options, nothing cut to a client's size."""
    edns = query.edns
    return query.derive(
        flags=query.flags | AD,
        edns=None if edns is None else Edns(edns.size, edns.do),
        transport="internal",
        metadata=None if query.metadata is None else dict(query.metadata),
    )
