"""Identical questions share one exchange."""

from __future__ import annotations

import asyncio

import pytest

from resolver.upstream import coalesce
from resolver.upstream.coalesce import Coalescer


@pytest.fixture
async def coalescer() -> Coalescer[str]:
    return Coalescer(asyncio.get_running_loop())


async def test_nobody_follows_where_nobody_leads(coalescer: Coalescer[str]) -> None:
    assert coalescer.follow("a") is None


async def test_followers_get_what_the_leader_found(coalescer: Coalescer[str]) -> None:
    assert coalescer.lead("a")
    followers = [coalescer.follow("a") for _ in range(3)]
    coalescer.done("a", "answer")
    assert [await follower for follower in followers if follower] == ["answer"] * 3


async def test_there_is_one_leader(coalescer: Coalescer[str]) -> None:
    assert coalescer.lead("a")
    assert not coalescer.lead("a")


async def test_questions_do_not_mix(coalescer: Coalescer[str]) -> None:
    coalescer.lead("a")
    coalescer.lead("b")
    follower = coalescer.follow("a")
    coalescer.done("b", "another answer")
    assert follower is not None
    assert not follower.done()


async def test_after_the_end_somebody_else_may_lead(coalescer: Coalescer[str]) -> None:
    coalescer.lead("a")
    coalescer.done("a", "answer")
    assert coalescer.follow("a") is None
    assert coalescer.lead("a")


async def test_a_follower_that_was_cancelled_does_not_trouble_the_others(coalescer: Coalescer[str]) -> None:
    coalescer.lead("a")
    first, second = coalescer.follow("a"), coalescer.follow("a")
    assert first is not None
    assert second is not None
    first.cancel()
    coalescer.done("a", "answer")
    assert await second == "answer"


async def test_the_number_of_questions_is_bounded(coalescer: Coalescer[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "MAX_QUESTIONS", 2)
    assert [coalescer.lead(key) for key in "abc"] == [True, True, False]


async def test_the_number_of_followers_is_bounded(coalescer: Coalescer[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "MAX_FOLLOWERS", 2)
    coalescer.lead("a")
    assert [coalescer.follow("a") is None for _ in range(3)] == [False, False, True]
