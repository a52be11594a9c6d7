"""Driving a chain without a task for as long as it does not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def run_eagerly(
    coroutine: Coroutine[Any, Any, T],
    loop: asyncio.AbstractEventLoop,
) -> tuple[bool, T | asyncio.Task[T]]:
    """Run the coroutine until it ends or waits: (True, its result) or (False, the task that finishes it).

    A chain answered from memory costs no task. Raises what the coroutine raises before its first wait.
    """
    try:
        awaited = coroutine.send(None)
    except StopIteration as stop:
        return True, stop.value
    return False, loop.create_task(_finish(_Remainder(coroutine, awaited)))


async def _finish(remainder: _Remainder[T]) -> T:
    return await remainder


class _Remainder(Generic[T]):
    """The rest of a coroutine that has already been started and now waits for ``awaited``."""

    __slots__ = ("awaited", "coroutine")

    def __init__(self, coroutine: Coroutine[Any, Any, T], awaited: Any) -> None:
        self.coroutine = coroutine
        self.awaited = awaited

    def __await__(self) -> Generator[Any, Any, T]:
        coroutine, awaited = self.coroutine, self.awaited
        while True:
            try:
                sent = yield awaited
            except BaseException as error:
                step: Callable[[], Any] = _thrower(coroutine, error)
            else:
                step = _sender(coroutine, sent)
            try:
                awaited = step()
            except StopIteration as stop:
                return stop.value  # type: ignore[no-any-return]


def _thrower(coroutine: Coroutine[Any, Any, Any], error: BaseException) -> Callable[[], Any]:
    return lambda: coroutine.throw(error)


def _sender(coroutine: Coroutine[Any, Any, Any], value: Any) -> Callable[[], Any]:
    return lambda: coroutine.send(value)
