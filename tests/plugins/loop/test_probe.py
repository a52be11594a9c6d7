"""Asking for names that nobody else knows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_records
from resolver.plugins.loop.probe import Pace, Prober, Timing, Verdict, random_name
from resolver.wire.constants import HINFO, NXDOMAIN
from resolver.wire.names import from_text, is_below, labels

FAST = Timing(retry=0.001, patience=0.05, first_round=1.0, later_round=0.1)
ZONE = from_text("example.org")


def prober(ask: Callable[[bytes], Awaitable[Reply]], timing: Timing = FAST) -> Prober:
    return Prober(ZONE, ask, time.monotonic, timing)


def query(name: bytes) -> Query:
    return Query(name, HINFO, transport="udp", client=("127.0.0.1", 5353))


def denied(name: bytes) -> Reply:
    return from_records(query(name), "forward", rcode=NXDOMAIN)


def failed(name: bytes) -> Reply:
    return failure(query(name), "forward", error="i/o timeout")


async def test_an_answer_ends_the_round() -> None:
    asked: list[bytes] = []

    async def ask(name: bytes) -> Reply:
        asked.append(name)
        return denied(name)

    assert await prober(ask).round(1.0) is Verdict.CLEAR
    assert len(asked) == 1


async def test_a_question_that_comes_back_twice_is_a_loop() -> None:
    async def ask(name: bytes) -> Reply:
        under_test.came_back(query(name))
        under_test.came_back(query(name))
        return failed(name)

    under_test = prober(ask)
    assert await under_test.round(1.0) is Verdict.LOOP
    assert len(under_test.returned) == 2


async def test_two_names_that_come_back_once_each_are_a_loop_although_nobody_answers() -> None:
    never: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()

    async def ask(name: bytes) -> Reply:
        under_test.came_back(query(name))
        return await asyncio.shield(never)

    under_test = prober(ask, Timing(retry=0.001, patience=60.0))
    assert await asyncio.wait_for(under_test.round(60.0), 5) is Verdict.LOOP
    under_test.stop()


async def test_a_question_that_came_back_once_by_chance_is_no_loop() -> None:
    asked: list[bytes] = []

    async def ask(name: bytes) -> Reply:
        asked.append(name)
        if len(asked) == 1:
            under_test.came_back(query(name))
        return denied(name)

    under_test = prober(ask)
    assert await under_test.round(1.0) is Verdict.CLEAR
    assert len(asked) == 2


async def test_failures_are_tried_again_with_another_name() -> None:
    asked: list[bytes] = []

    async def ask(name: bytes) -> Reply:
        asked.append(name)
        if len(asked) == 1:
            return failed(name)
        if len(asked) == 2:
            raise ZeroDivisionError
        return denied(name)

    assert await prober(ask).round(1.0) is Verdict.CLEAR
    assert len(set(asked)) == 3


async def test_a_round_ends_even_when_nobody_answers() -> None:
    async def ask(name: bytes) -> Reply:
        return failed(name)

    under_test = prober(ask)
    assert await under_test.round(0.02) is Verdict.SILENT
    assert under_test.names == set()


async def test_a_name_counts_only_during_its_round() -> None:
    seen: list[bool] = []

    async def ask(name: bytes) -> Reply:
        seen.append(name in under_test.names)
        return denied(name)

    under_test = prober(ask)
    await under_test.round(1.0)
    assert seen == [True]
    assert under_test.names == set()


def test_names_are_two_random_numbers_below_the_zone() -> None:
    names = {random_name(ZONE) for _ in range(100)}
    assert len(names) == 100
    for name in names:
        first, second, *_ = labels(name)
        assert is_below(name, ZONE)
        assert 0 <= int(first) < 2**62
        assert 0 <= int(second) < 2**62
    assert len(list(labels(random_name(b"\0")))) == 2


def test_one_block_asks_at_once_and_many_one_after_the_other() -> None:
    pace = Pace()
    assert pace.wait(100.0) == 0
    assert [round(pace.wait(100.0), 6) for _ in range(3)] == [0.001, 0.002, 0.003]
    assert pace.wait(200.0) == 0
