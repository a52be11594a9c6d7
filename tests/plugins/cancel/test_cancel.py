"""cancel: an end to queries that take too long."""

from __future__ import annotations

import asyncio

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.errors import ConfigErrors, UpstreamError
from resolver.plugins.cancel import Cancel
from tests.plugins.chains import World, answering, question


async def test_a_query_that_takes_too_long_is_ended_and_gets_no_answer() -> None:
    ended = asyncio.Event()

    async def never(query: Query) -> Reply:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    world = World()
    reply = await Cancel(0.01, world.host).resolve(question("www.example.org"), never)
    assert reply.silent
    assert ended.is_set()
    assert world.metric("coredns_cancel_requests_total") == 1


async def test_an_answer_in_time_is_passed_on() -> None:
    found = await Cancel(5, World().host).resolve(
        question("www.example.org"), answering(lambda query: failure(query, "forward", 3))
    )
    assert (found.rcode, found.silent) == (3, False)


async def test_an_error_is_passed_on() -> None:
    async def broken(query: Query) -> Reply:
        raise UpstreamError("gone")

    with pytest.raises(UpstreamError):
        await Cancel(5, World().host).resolve(question("www.example.org"), broken)


async def test_who_waits_for_it_may_be_cancelled_too() -> None:
    async def never(query: Query) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    world = World()
    waiting = asyncio.create_task(Cancel(60, world.host).resolve(question("www.example.org"), never))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.done()


def test_the_default_is_a_little_longer_than_clients_wait() -> None:
    assert World().part(". {\n cancel\n}\n").timeout == 5.001


@pytest.mark.parametrize("words", ["0s", "-1s", "soon", "1s 2s", "1s {\n }"])
def test_what_is_no_time_is_refused(words: str) -> None:
    with pytest.raises(ConfigErrors):
        World().build(f". {{\n cancel {words}\n}}\n")
