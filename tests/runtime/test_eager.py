"""A chain that does not wait costs no task; one that waits goes on in a task."""

from __future__ import annotations

import asyncio

import pytest

from resolver.runtime.eager import run_eagerly


async def test_a_coroutine_that_never_waits_ends_at_once() -> None:
    async def answer() -> int:
        return 42

    assert run_eagerly(answer(), asyncio.get_running_loop()) == (True, 42)


async def test_a_coroutine_that_waits_is_finished_by_a_task() -> None:
    loop = asyncio.get_running_loop()
    first, second = loop.create_future(), loop.create_future()

    async def answer() -> int:
        return await first + await second

    done, task = run_eagerly(answer(), loop)
    assert not done
    assert isinstance(task, asyncio.Task)
    first.set_result(40)
    loop.call_soon(second.set_result, 2)
    assert await task == 42


async def test_an_error_before_the_first_wait_is_raised_at_once() -> None:
    async def answer() -> int:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        run_eagerly(answer(), asyncio.get_running_loop())


async def test_an_error_of_what_is_awaited_reaches_the_coroutine() -> None:
    loop = asyncio.get_running_loop()
    awaited: asyncio.Future[int] = loop.create_future()

    async def answer() -> str:
        try:
            await awaited
        except OSError:
            return "caught"
        return "missed"

    _, task = run_eagerly(answer(), loop)
    awaited.set_exception(OSError())
    assert isinstance(task, asyncio.Task)
    assert await task == "caught"


async def test_cancelling_the_task_runs_the_clean_up_of_the_coroutine() -> None:
    cleaned: list[bool] = []
    loop = asyncio.get_running_loop()

    async def answer() -> None:
        try:
            await loop.create_future()
        finally:
            cleaned.append(True)

    _, task = run_eagerly(answer(), loop)
    assert isinstance(task, asyncio.Task)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cleaned == [True]
