"""Metrics of several workers as one."""

from __future__ import annotations

import json

import pytest

from resolver.telemetry.metrics import Registry
from resolver.telemetry.snapshot import Snapshot, merge, settled, snapshot


def worker(asked: int, memory: int, started: float) -> Registry:
    registry = Registry()
    registry.counter("asked_total", "Questions.", ("type",)).cell("A").value = asked
    registry.gauge("memory", "Memory.").cell().value = memory
    registry.gauge("start", "Start.", merge="min").cell().value = started
    registry.gauge("enabled", "Plugins.", ("name",), merge="max").cell("cache").value = 1
    registry.histogram("size", "Sizes.", bounds=(10, 20)).cell().observe(15, asked)
    return registry


def figures(merged: Snapshot, name: str) -> list[list[object]]:
    found = [family[6] for family in merged if family[1] == name]
    assert len(found) == 1
    cells: list[list[object]] = found[0]
    return cells


@pytest.fixture
def merged() -> Snapshot:
    return merge([snapshot(worker(2, 100, 7.0)), snapshot(worker(3, 200, 5.0))])


def test_counters_add_up(merged: Snapshot) -> None:
    assert figures(merged, "asked_total") == [[["A"], 5]]


def test_histograms_add_up_bucket_by_bucket(merged: Snapshot) -> None:
    assert figures(merged, "size") == [[[], [0, 5, 0], 75]]


def test_gauges_follow_their_rule(merged: Snapshot) -> None:
    assert figures(merged, "memory") == [[[], 300]]
    assert figures(merged, "start") == [[[], 5.0]]
    assert figures(merged, "enabled") == [[["cache"], 1]]


def test_labels_that_one_worker_has_alone_are_kept() -> None:
    one, other = Registry(), Registry()
    one.counter("asked_total", "Questions.", ("type",)).cell("A").value = 1
    other.counter("asked_total", "Questions.", ("type",)).cell("MX").value = 2
    assert figures(merge([snapshot(one), snapshot(other)]), "asked_total") == [[["A"], 1], [["MX"], 2]]


def test_a_family_that_one_worker_has_alone_is_kept() -> None:
    one, other = Registry(), Registry()
    one.counter("first_total", "First.")
    other.counter("second_total", "Second.")
    assert [family[1] for family in merge([snapshot(one), snapshot(other)])] == ["first_total", "second_total"]


def test_a_snapshot_survives_json_and_merges_the_same() -> None:
    plain = snapshot(worker(2, 100, 7.0))
    sent = json.loads(json.dumps(plain))
    assert sent == plain
    assert merge([sent, plain]) == merge([plain, sent])


def test_merging_leaves_what_it_was_given_alone() -> None:
    plain = snapshot(worker(2, 100, 7.0))
    before = json.dumps(plain)
    merge([plain, plain])
    assert json.dumps(plain) == before


def test_histograms_with_other_bounds_are_not_mixed() -> None:
    one, other = Registry(), Registry()
    one.histogram("size", "Sizes.", bounds=(10,)).cell().observe(1)
    other.histogram("size", "Sizes.", bounds=(10, 20)).cell().observe(1)
    assert figures(merge([snapshot(one), snapshot(other)]), "size") == [[[], [1, 0], 1]]


def test_of_a_worker_that_ended_counters_and_histograms_stay() -> None:
    left = settled(snapshot(worker(2, 100, 7.0)))
    assert [family[1] for family in left] == ["asked_total", "size"]


def test_no_snapshots_are_an_empty_one() -> None:
    assert merge([]) == []
