"""What a follower is told: what is there, then every difference, each object once."""

from __future__ import annotations

import asyncio

import pytest

from resolver.kube import slices
from resolver.kube.watch import Watch

Told = list[tuple[str, int | None, int | None]]


def filled(count: int) -> Watch[int]:
    watch: Watch[int] = Watch()
    for number in range(count):
        watch.put(f"a/{number}", number)
    return watch


def followed(watch: Watch[int]) -> Told:
    told: Told = []
    watch.follow(lambda key, old, new: told.append((key, old, new)))
    return told


def test_what_is_there_is_told_and_then_every_difference() -> None:
    watch = filled(2)
    told = followed(watch)
    assert watch.put("a/0", 7)
    assert not watch.put("a/0", 7)
    assert watch.put("a/1", None)
    assert not watch.put("a/1", None)
    assert told == [("a/0", None, 0), ("a/1", None, 1), ("a/0", 0, 7), ("a/1", 1, None)]


def test_nothing_is_told_after_the_end() -> None:
    watch = filled(0)
    told: Told = []
    end = watch.follow(lambda key, old, new: told.append((key, old, new)), lambda: told.append(("synced", None, None)))
    end()
    watch.put("a/0", 1)
    watch.complete()
    assert told == []
    end()


def test_synced_is_told_once() -> None:
    watch = filled(1)
    heard: list[str] = []
    watch.follow(lambda key, old, new: heard.append(key), lambda: heard.append("synced"))
    watch.complete()
    watch.complete()
    watch.follow(lambda key, old, new: heard.append("late"), lambda: heard.append("synced late"))
    assert heard == ["a/0", "synced", "late", "synced late"]


async def test_many_objects_are_told_in_slices_and_changes_meanwhile_make_sense(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(slices, "SLICE", 0.0)
    watch = filled(4)
    watch.complete()
    told: Told = []
    heard: list[int] = []
    watch.follow(lambda key, old, new: told.append((key, old, new)), lambda: heard.append(len(told)))
    assert told == []
    watch.put("a/1", 11)
    watch.put("a/2", None)
    watch.put("a/4", 4)
    assert told == [("a/1", None, 11), ("a/4", None, 4)]
    monkeypatch.setattr(slices, "SLICE", 1.0)
    while not heard:
        await asyncio.sleep(0)
    assert told[2:] == [("a/0", None, 0), ("a/3", None, 3)]
    assert heard == [4]


def test_a_follower_that_fails_does_not_keep_the_others_from_hearing() -> None:
    complaints: list[str] = []
    watch: Watch[int] = Watch(complaints.append)

    def broken(key: str, old: int | None, new: int | None) -> None:
        raise ValueError(key)

    watch.follow(broken)
    told = followed(watch)
    watch.put("a/0", 1)
    assert told == [("a/0", None, 1)]
    assert complaints == ["a/0: ValueError: a/0"]


async def test_waiting_ends_with_the_first_list_or_with_the_time() -> None:
    watch = filled(0)
    assert not await watch.wait_synced(0)
    assert not await watch.wait_synced(0.01)
    waiting = asyncio.ensure_future(watch.wait_synced(10))
    await asyncio.sleep(0)
    watch.complete()
    assert await waiting
    assert await watch.wait_synced(0)
