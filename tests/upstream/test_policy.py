"""The order in which upstreams are tried."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from resolver.upstream.health import Health
from resolver.upstream.policy import Walk, make


@pytest.mark.parametrize("name", ["random", "round_robin", "sequential"])
@pytest.mark.parametrize("count", [1, 2, 3, 15])
def test_every_policy_names_every_upstream_once(name: str, count: int) -> None:
    policy = make(name, Random(1))
    for _ in range(50):
        assert sorted(policy(count)) == list(range(count))


def test_sequential_always_begins_at_the_first() -> None:
    policy = make("sequential", Random(1))
    assert [list(policy(3)) for _ in range(3)] == [[0, 1, 2]] * 3


def test_round_robin_begins_at_each_in_turn() -> None:
    policy = make("round_robin", Random(1))
    assert [policy(3)[0] for _ in range(6)] == [1, 2, 0, 1, 2, 0]


def test_round_robin_goes_on_with_the_neighbours() -> None:
    assert list(make("round_robin", Random(1))(3)) == [1, 2, 0]


def test_round_robin_survives_a_change_in_number() -> None:
    policy = make("round_robin", Random(1))
    assert [sorted(policy(count)) == list(range(count)) for count in (5, 2, 1, 4)] == [True] * 4


@pytest.mark.parametrize("count", [2, 3, 5])
def test_random_begins_everywhere_about_equally_often(count: int) -> None:
    policy = make("random", Random(7))
    firsts = Counter(policy(count)[0] for _ in range(1000 * count))
    assert all(850 < number < 1150 for number in firsts.values())


def test_random_also_mixes_the_rest() -> None:
    policy = make("random", Random(7))
    assert len({tuple(policy(3)) for _ in range(200)}) == 6


def healths(*down: int) -> list[Health]:
    """Three upstreams of which those are down."""
    found = [Health(1) for _ in range(3)]
    for index in down:
        found[index].query_failed()
        found[index].probe_failed()
    return found


def test_a_walk_goes_round_and_round() -> None:
    walk = Walk([2, 0, 1], healths())
    assert [walk.step() for _ in range(7)] == [2, 0, 1, 2, 0, 1, 2]


def test_a_walk_passes_by_those_that_are_down() -> None:
    walk = Walk([2, 0, 1], healths(0))
    assert [walk.step() for _ in range(4)] == [2, 1, 2, 1]


def test_a_walk_sees_upstreams_go_and_come_back() -> None:
    health = healths(0, 1, 2)
    walk = Walk([0, 1, 2], health)
    assert walk.step() is None
    assert walk.hopeless
    health[0].answered()
    assert walk.step() == 0


def test_what_is_done_is_not_tried_again() -> None:
    walk = Walk([0, 1, 2], healths())
    assert walk.step() == 0
    assert walk.done(0)
    assert walk.step() == 1
    assert walk.done(1)
    assert not walk.once_round()
    assert walk.step() == 2
    assert walk.once_round()
    assert not walk.done(2)
    assert walk.step() is None
