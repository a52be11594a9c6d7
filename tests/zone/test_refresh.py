"""When a zone is looked after."""

from __future__ import annotations

import random

import pytest

from resolver.zone.data import Zone
from resolver.zone.refresh import LONGEST_FIRST_PAUSE, NOTIFY_PAUSE, Refresh
from tests.zone.zones import zone_of


class Never(random.Random):
    """Chance that adds nothing."""

    def random(self) -> float:
        return 0.0


class Always(random.Random):
    """Chance that adds everything."""

    def random(self) -> float:
        return 1.0


def zone(refresh: int = 100, retry: int = 10, expire: int = 1000) -> Zone:
    return zone_of(f"@ 60 SOA ns host 1 {refresh} {retry} {expire} 60\n@ 60 NS ns")


@pytest.fixture
def refresh() -> Refresh:
    return Refresh(Never(), 0.0)


def test_a_new_zone_is_wanted_at_once(refresh: Refresh) -> None:
    assert refresh.wake == 0.0
    assert refresh.expires is None


def test_a_zone_that_cannot_be_had_is_asked_for_in_growing_intervals(refresh: Refresh) -> None:
    now, pauses = 0.0, []
    for _ in range(9):
        refresh.failed(now)
        pauses.append(refresh.due - now)
        now = refresh.due
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 10, 10, 10]
    assert max(pauses) == LONGEST_FIRST_PAUSE


def test_the_soa_says_when_to_look_to_try_again_and_to_give_up(refresh: Refresh) -> None:
    refresh.refreshed(zone(), 5.0)
    assert (refresh.due, refresh.expires) == (105.0, 1005.0)
    refresh.failed(105.0)
    assert refresh.due == 115.0
    assert refresh.expires == 1005.0


@pytest.mark.parametrize(("times", "due"), [((100, 10), (105.0, 12.0)), ((4, 4), (5.0, 5.0))])
def test_chance_adds_a_little(times: tuple[int, int], due: tuple[float, float]) -> None:
    refresh = Refresh(Always(), 0.0)
    refresh.refreshed(zone(*times), 0.0)
    assert refresh.due == due[0]
    refresh.failed(0.0)
    assert refresh.due == due[1]


def test_times_of_zero_do_not_make_a_storm(refresh: Refresh) -> None:
    refresh.refreshed(zone(0, 0, 0), 0.0)
    assert (refresh.due, refresh.expires) == (1.0, 1.0)


def test_a_zone_expires_once_and_comes_back(refresh: Refresh) -> None:
    refresh.refreshed(zone(), 0.0)
    assert not refresh.expired(999.0)
    assert refresh.expired(1000.0)
    assert not refresh.expired(1001.0)
    refresh.refreshed(zone(), 1002.0)
    assert refresh.expires == 2002.0


def test_a_notify_brings_the_next_look_forward(refresh: Refresh) -> None:
    refresh.refreshed(zone(), 0.0)
    refresh.notified(50.0)
    assert refresh.due == 50.0


def test_a_flood_of_notify_is_one_look_a_second(refresh: Refresh) -> None:
    refresh.refreshed(zone(), 50.0)
    for moment in range(100):
        refresh.notified(50.0 + moment / 1000)
    assert refresh.due == 50.0 + NOTIFY_PAUSE
