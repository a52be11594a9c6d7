"""Families, cells and the registry."""

from __future__ import annotations

import pytest

from resolver.telemetry.metrics import Family, Registry


def values(registry: Registry, name: str) -> dict[tuple[str, ...], float]:
    return {labels: cell.value for family in registry.families() if family.name == name for labels, cell in family.cells.items()}  # fmt: skip  # noqa: E501


def test_a_family_that_exists_is_found_again_with_its_counts() -> None:
    registry = Registry()
    registry.counter("asked_total", "Questions.", ("type",)).cell("A").value += 2
    registry.counter("asked_total", "Questions.", ("type",)).cell("A").value += 1
    assert values(registry, "asked_total") == {("A",): 3}


def test_a_counter_without_labels_is_there_before_anything_happened() -> None:
    registry = Registry()
    registry.counter("failed_total", "Failures.")
    registry.gauge("entries", "Entries.")
    assert values(registry, "failed_total") == {(): 0}
    assert values(registry, "entries") == {}


def test_one_name_cannot_be_two_metrics() -> None:
    registry = Registry()
    registry.counter("asked_total", "Questions.", ("type",))
    with pytest.raises(ValueError, match="already a counter"):
        registry.gauge("asked_total", "Questions.", ("type",))
    with pytest.raises(ValueError, match="labels"):
        registry.counter("asked_total", "Questions.", ("name",))


def test_a_cell_needs_a_value_for_each_label() -> None:
    with pytest.raises(ValueError, match="labels"):
        Family("counter", "asked_total", "Questions.", ("type", "zone")).cell("A")


def test_an_observation_falls_into_the_bucket_of_its_upper_bound() -> None:
    cell = Registry().histogram("size", "Sizes.", bounds=(10, 20)).cell()
    cell.observe(10)
    cell.observe(10.5, times=3)
    cell.observe(21)
    assert cell.counts == [1, 3, 1]
    assert cell.total == 10 + 31.5 + 21


def test_over_the_limit_new_labels_are_lumped_and_counted() -> None:
    registry = Registry()
    family = registry.counter("names_total", "Names.", ("name", "type"), limit=2)
    for name in ("a", "b", "c", "d", "c"):
        family.cell(name, "A").value += 1
    assert values(registry, "names_total") == {("a", "A"): 1, ("b", "A"): 1, ("other", "other"): 3}
    assert values(registry, "coredns_metric_label_sets_lumped_total") == {("names_total",): 3}


def test_nothing_is_said_of_lumped_labels_while_there_are_none() -> None:
    registry = Registry()
    registry.counter("names_total", "Names.", ("name",), limit=2).cell("a")
    assert [family.name for family in registry.families()] == ["names_total"]


def test_a_dropped_cell_is_gone_and_makes_room() -> None:
    family = Registry().gauge("entries", "Entries.", ("zone",), limit=1)
    family.cell("a").value = 1
    family.drop("a")
    family.drop("never there")
    family.cell("b").value = 2
    assert list(family.cells) == [("b",)]


def test_hooks_are_called_in_front_of_each_reading_until_they_are_ended() -> None:
    registry = Registry()
    gauge = registry.gauge("entries", "Entries.")
    readings: list[int] = []

    def hook() -> None:
        readings.append(1)
        gauge.cell().value = len(readings)

    end = registry.before_read(hook)
    other = registry.before_read(hook)
    other()
    assert values(registry, "entries") == {(): 1}
    end()
    end()  # once more does no harm
    assert values(registry, "entries") == {(): 1}
