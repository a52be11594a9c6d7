"""Driving a chain without a task: a coroutine that waits is resumed straight from what it waits for.

A task costs more than the rest of a simple exchange. What only works inside of one (``asyncio.timeout``, most HTTP
clients) has to be awaited as a task of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

T = TypeVar("T")
Ended = Callable[["Run[T]"], None]


class Run(Generic[T]):
    """One coroutine under way. When it has ended, ``result`` or ``error`` is set and ``ended`` is called."""

    __slots__ = ("_coroutine", "_ended", "_loop", "error", "result")

    def __init__(self, coroutine: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop, ended: Ended[T]) -> None:
        self._coroutine = coroutine
        self._loop = loop
        self._ended = ended
        self.result: T | None = None
        self.error: BaseException | None = None

    def start(self) -> bool:
        """Run until the coroutine ends or waits; whether it has ended, in which case ``ended`` is not called."""
        try:
            awaited = self._coroutine.send(None)
        except StopIteration as stop:
            self.result = stop.value
            return True
        except BaseException as error:
            self.error = error
            return True
        self._wait(awaited)
        return False

    def _wait(self, awaited: Any) -> None:
        if awaited is None:  # a bare yield, as of asyncio.sleep(0): somebody else's turn
            self._loop.call_soon(self._resume, None)
        else:
            # asyncio marks a future that a coroutine waits for; who drives the coroutine takes the mark away
            awaited._asyncio_future_blocking = False
            awaited.add_done_callback(self._resume)

    def _resume(self, _: object) -> None:
        # the future raises its own error inside of the coroutine when it is resumed
        if not self.start():
            return
        self._ended(self)
