"""Answers behind an alias: how long they may be given again."""

from __future__ import annotations

import math

import pytest

from resolver.chain.alias import leave_behind
from resolver.chain.reply import Replay, Reply

NOW, TTL = 100.0, 5
OWN, OTHER = object(), object()


def about(replay: Replay | None) -> Reply:
    return Reply(b"\0\0\1\0\1", replay=replay)


@pytest.mark.parametrize(
    ("leave", "until", "base"),
    [
        (Replay(NOW + 3, NOW - 1), NOW + 3, NOW - 1),
        (Replay(NOW + 60, NOW - 1), NOW + TTL, NOW - 1),
        (Replay(math.inf, live=True), math.inf, None),
        (Replay(NOW + 2, live=True), NOW + 2, None),
        (Replay(math.inf), NOW + TTL, None),
        (None, NOW, None),
    ],
)
def test_it_ends_with_that_of_the_target_and_is_live(leave: Replay | None, until: float, base: float | None) -> None:
    found = leave_behind([about(leave)], (OWN,), TTL, NOW)
    assert (found.until, found.base, found.live) == (until, base, True)
    assert OWN in found.tags


def test_tags_and_counters_of_the_targets_are_taken_over() -> None:
    told: list[int] = []
    found = leave_behind([about(Replay(math.inf, tags=(OTHER,), counts=(told.append,), live=True))], (OWN,), TTL, NOW)
    assert found.tags == (OWN, OTHER)
    found.counts[0](3)
    assert told == [3]


def test_several_targets_may_be_given_again_while_all_of_them_may() -> None:
    both = [about(Replay(NOW + 3, NOW)), about(Replay(NOW + 2, NOW))]
    assert leave_behind(both, (), TTL, NOW).until == NOW + 2
    assert leave_behind([both[0], about(None)], (), TTL, NOW).until == NOW
    assert leave_behind([both[0], about(Replay(NOW + 3, NOW - 1))], (), TTL, NOW).until == NOW  # TTLs of another age
