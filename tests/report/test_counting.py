"""Counting with limits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from resolver.report.counting import Bounded, Distinct, Timeline, Times, digest
from resolver.report.ledger import Count


def test_what_is_heavy_stays_when_there_is_no_room_and_the_loss_is_said() -> None:
    records: Bounded[str, Count] = Bounded(100, Count)
    for index in range(10_000):
        records["heavy"].queries += 3
        records[f"light {index}"].queries += 1
    assert records.heaviest(1) == [("heavy", records["heavy"])]
    assert records["heavy"].queries == 30_000
    assert len(records) <= 100
    assert records.lost + len(records) == 10_001
    assert records.heaviest_lost == 1


def test_nothing_is_lost_where_all_fits() -> None:
    records: Bounded[int, Count] = Bounded(100, Count)
    for index in range(100):
        records[index].queries += 1
    assert (len(records), records.lost) == (100, 0)


@pytest.mark.parametrize("count", [0, 1, 512])
def test_different_ones_are_counted_exactly_while_they_are_few(count: int) -> None:
    distinct = Distinct(256)
    for index in range(2 * count):
        distinct.add(digest(str(index % max(count, 1))))
    assert len(distinct) == count
    assert distinct.is_exact


def test_different_ones_are_about_right_beyond() -> None:
    distinct = Distinct(1024)
    for index in range(100_000):
        distinct.add(digest(str(index)))
    assert not distinct.is_exact
    assert len(distinct) == pytest.approx(100_000, rel=0.1)


def test_percentiles_are_right_to_a_twentieth() -> None:
    times = Times()
    for milliseconds in range(1, 1001):
        times.add(float(milliseconds), 1)
    times.longest = 1000.0
    assert times.percentile(0.5) == pytest.approx(500, rel=0.05)
    assert times.percentile(0.99) == pytest.approx(990, rel=0.05)
    assert Times().percentile(0.5) == 0


def test_steps_grow_with_the_period_and_no_count_is_lost() -> None:
    timeline = Timeline(1)
    count = 0
    for day in range(1, 29):
        for hour in range(24):
            for minute in range(60):
                numbers = timeline.open(f"2026-11-{day:02d}T{hour:02d}:{minute:02d}:30.000000Z")
                assert numbers is not None
                numbers[0] += 1
                count += 1
    assert timeline.step == timedelta(hours=1)
    assert len(timeline.counts) <= Timeline.LIMIT
    assert sum(numbers[0] for numbers in timeline.starts().values()) == count


def test_a_time_that_is_none_opens_nothing() -> None:
    assert Timeline(1).open("2026-13-01T00:00:00.000000Z") is None
