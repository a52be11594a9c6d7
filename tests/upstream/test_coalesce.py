"""Identical questions share one exchange."""

from __future__ import annotations

import asyncio

import pytest

from resolver.upstream import coalesce
from resolver.upstream.coalesce import Coalescer


@pytest.fixture
async def coalescer() -> Coalescer[str]:
    return Coalescer(asyncio.get_running_loop())


def follow(coalescer: Coalescer[str], key: str) -> asyncio.Future[str | None]:
    place = coalescer.join(key)
    assert not isinstance(place, bool)
    return place


async def test_who_asks_first_leads(coalescer: Coalescer[str]) -> None:
    assert coalescer.join("a") is True


async def test_followers_get_what_the_leader_found(coalescer: Coalescer[str]) -> None:
    coalescer.join("a")
    followers = [follow(coalescer, "a") for _ in range(3)]
    coalescer.done("a", "answer")
    assert [await follower for follower in followers] == ["answer"] * 3


async def test_questions_do_not_mix(coalescer: Coalescer[str]) -> None:
    assert [coalescer.join(key) for key in "ab"] == [True, True]
    follower = follow(coalescer, "a")
    coalescer.done("b", "another answer")
    assert not follower.done()


async def test_after_the_end_somebody_else_leads(coalescer: Coalescer[str]) -> None:
    coalescer.join("a")
    coalescer.done("a", "answer")
    assert coalescer.join("a") is True


async def test_a_follower_that_was_cancelled_does_not_trouble_the_others(coalescer: Coalescer[str]) -> None:
    coalescer.join("a")
    first, second = follow(coalescer, "a"), follow(coalescer, "a")
    first.cancel()
    coalescer.done("a", "answer")
    assert await second == "answer"


async def test_the_number_of_questions_is_bounded(coalescer: Coalescer[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "MAX_QUESTIONS", 2)
    assert [coalescer.join(key) for key in "abc"] == [True, True, False]


async def test_the_number_of_followers_is_bounded(coalescer: Coalescer[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(coalesce, "MAX_FOLLOWERS", 2)
    coalescer.join("a")
    assert [coalescer.join("a") is False for _ in range(3)] == [False, False, True]
