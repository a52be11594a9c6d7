"""A chain that does not wait ends at once; one that waits is resumed by what it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from resolver.runtime.eager import Run


def run_of(coroutine: Coroutine[Any, Any, Any]) -> tuple[Run[Any], asyncio.Future[None]]:
    """The run, and a future that tells when it has called back."""
    loop = asyncio.get_running_loop()
    called: asyncio.Future[None] = loop.create_future()
    return Run(coroutine, loop, lambda run: called.set_result(None)), called


async def test_a_coroutine_that_never_waits_ends_at_once_and_calls_nobody() -> None:
    async def answer() -> int:
        return 42

    run, called = run_of(answer())
    assert run.start()
    assert run.result == 42
    assert not called.done()


async def test_a_coroutine_that_waits_several_times_calls_back_once_at_its_end() -> None:
    loop = asyncio.get_running_loop()
    first: asyncio.Future[int] = loop.create_future()
    second: asyncio.Future[int] = loop.create_future()

    async def answer() -> int:
        return await first + await second

    run, called = run_of(answer())
    assert not run.start()
    first.set_result(40)
    loop.call_soon(second.set_result, 2)
    await called
    assert run.result == 42
    assert run.error is None


async def test_giving_way_to_others_is_no_wait_for_a_future() -> None:
    async def answer() -> str:
        await asyncio.sleep(0)
        return "later"

    run, called = run_of(answer())
    assert not run.start()
    await called
    assert run.result == "later"


async def test_a_task_may_be_awaited() -> None:
    async def inner() -> str:
        async with asyncio.timeout(5):
            await asyncio.sleep(0)
        return "from a task"

    async def answer() -> str:
        return await asyncio.create_task(inner())

    run, called = run_of(answer())
    assert not run.start()
    await called
    assert run.result == "from a task"


async def test_errors_before_and_after_the_first_wait_are_kept() -> None:
    loop = asyncio.get_running_loop()
    awaited: asyncio.Future[None] = loop.create_future()

    async def at_once() -> None:
        raise ValueError("at once")

    async def later() -> None:
        await awaited
        raise ValueError("later")

    run, _ = run_of(at_once())
    assert run.start()
    assert str(run.error) == "at once"
    run, called = run_of(later())
    assert not run.start()
    awaited.set_result(None)
    await called
    assert str(run.error) == "later"


async def test_the_error_of_what_is_awaited_reaches_the_coroutine() -> None:
    awaited: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def answer() -> str:
        try:
            await awaited
        except OSError:
            return "caught"
        return "missed"

    run, called = run_of(answer())
    assert not run.start()
    awaited.set_exception(OSError())
    await called
    assert run.result == "caught"
