"""When the collector looks at everything, and when it passes over what stays."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import pytest

from resolver.runtime.garbage import Settling, paused


class Ring:
    """Refers to itself, so that only the collector can free it."""

    def __init__(self) -> None:
        self.me = self


def made_and_dropped() -> weakref.ref[Ring]:
    return weakref.ref(Ring())


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    with paused():
        yield
    gc.unfreeze()


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Settling:
    """For a configuration that is larger than what is looked through each time."""
    monkeypatch.setattr(Settling, "FEW", 0)
    return Settling()


def test_what_stays_is_passed_over(large: Settling) -> None:
    large.settle(0)
    assert gc.get_freeze_count() > 1000
    assert len(gc.get_objects()) < 1000


def test_what_a_small_configuration_leaves_behind_is_freed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settling, "FEW", 100_000_000)
    settling = Settling()
    settling.settle(0)
    left = made_and_dropped()
    settling.settle(0)
    assert left() is None


def test_a_large_configuration_is_not_looked_through_for_a_little(large: Settling) -> None:
    large.settle(0)
    left = made_and_dropped()
    large.settle(1)
    assert left() is not None


def test_what_large_configurations_leave_behind_is_freed_when_it_has_become_much(large: Settling) -> None:
    left = [made_and_dropped() for _ in range(Settling.MUCH)]
    large.settle(Settling.MUCH // 2)
    large.settle(Settling.MUCH // 2)
    assert all(ring() is not None for ring in left)
    large.settle(1)
    assert all(ring() is None for ring in left)
    again = made_and_dropped()
    large.settle(1)
    assert again() is not None


def test_the_collector_is_switched_on_again_only_by_who_switched_it_off() -> None:
    gc.enable()
    with paused():
        with paused():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.disable()
