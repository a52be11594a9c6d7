"""Capacities and the budget hold whatever is put in; what is popular stays."""

from __future__ import annotations

import gc
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.plugins.cache import store as store_module
from resolver.plugins.cache.budget import Budget
from resolver.plugins.cache.contents import Contents
from resolver.plugins.cache.settings import Settings
from resolver.plugins.cache.store import ENTRY_OVERHEAD, Store

KEYS = st.integers(0, 40).map(lambda number: b"key%d" % number)
OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["put", "get", "remove", "evict"]), st.integers(0, 2), KEYS, st.integers(0, 3000)),
    max_size=200,
)


def budget_of(octets: int) -> Budget:
    budget = Budget()
    budget.limit = octets
    return budget


def key(number: int) -> bytes:
    return b"\3www%09d" % number


@given(OPERATIONS, st.integers(1, 30), st.integers(500, 20_000))
def test_limits_hold_and_what_is_found_was_put_there(
    operations: list[tuple[str, int, bytes, int]], capacity: int, octets: int
) -> None:
    budget = budget_of(octets)
    stores = [Store(capacity, budget) for _ in range(3)]
    newest: dict[tuple[int, bytes], bytes] = {}
    for count, (operation, which, name, size) in enumerate(operations):
        store = stores[which]
        if operation == "put":
            entry = b"%d:" % count + bytes(size)
            if store.put(name, entry):
                newest[which, name] = entry
                assert store.get(name) == entry
            else:
                newest.pop((which, name), None)
        elif operation == "get":
            assert store.get(name) in (None, newest.get((which, name)))
        elif operation == "remove":
            store.remove(name)
            newest.pop((which, name), None)
            assert store.get(name) is None
        elif len(store):
            store.evict()
        assert budget.used <= octets
        assert budget.used == sum(store.octets for store in stores)
        assert all(len(store) <= capacity for store in stores)
    for which, store in enumerate(stores):
        left = [name for owner, name in newest if owner == which and store.get(name) is not None]
        assert len(left) == len(store)
        assert store.octets == sum(len(name) + len(newest[which, name]) + ENTRY_OVERHEAD for name in left)


def test_a_full_store_keeps_exactly_its_capacity() -> None:
    store = Store(5000, Budget())
    for number in range(12_000):
        store.put(key(number), b"entry")
    assert len(store) == 5000
    assert store.evicted == 7000


def test_an_entry_is_replaced_in_its_place() -> None:
    store = Store(10, Budget())
    store.put(b"key", b"old")
    store.put(b"key", b"new one")
    assert store.get(b"key") == b"new one"
    assert len(store) == 1
    assert store.octets == len(b"key" + b"new one") + ENTRY_OVERHEAD
    assert store.evicted == 0


def test_a_flood_of_names_asked_once_spares_the_popular_ones() -> None:
    store = Store(2000, Budget())
    for number in range(500):
        store.put(key(number), b"popular")
        store.get(key(number))
    for number in range(1000, 100_000):
        store.put(key(number), b"once")
    assert sum(store.get(key(number)) is not None for number in range(500)) == 500


def test_popular_entries_that_nobody_asks_for_any_more_go_in_the_end() -> None:
    store = Store(1000, Budget())
    for number in range(1000):
        store.put(key(number), b"yesterday")
        store.get(key(number))
    for number in range(2000, 12_000):
        store.put(key(number), b"today")
        store.get(key(number))
    assert not any(store.get(key(number)) for number in range(1000))


def test_the_largest_store_gives_way_when_the_budget_is_spent() -> None:
    budget = budget_of(1_000_000)
    large, small = Store(100_000, budget), Store(100_000, budget)
    for number in range(6000):
        large.put(key(number), b"x")
    for number in range(500):
        small.put(key(number), b"x")
    assert small.evicted == 0
    assert large.evicted > 0
    assert len(small) == 500
    assert budget.used <= 1_000_000


def test_an_entry_larger_than_the_budget_is_not_kept() -> None:
    budget = budget_of(10_000)
    store = Store(100, budget)
    store.put(b"kept", b"x")
    assert not store.put(b"huge", bytes(20_000))
    assert store.get(b"kept") == b"x"


def test_a_lower_budget_is_reached_step_by_step() -> None:
    budget = budget_of(10_000_000)
    store = Store(100_000, budget)
    for number in range(10_000):
        store.put(key(number), b"x")
    budget.limit = 100_000
    for number in range(10_000, 10_030):
        store.put(key(number), b"x")
    assert budget.used <= 100_000
    assert store.get(key(10_029)) == b"x"


def test_each_key_that_goes_is_told() -> None:
    gone: list[bytes] = []
    store = Store(3, Budget(), gone.append)
    for number in range(5):
        store.put(key(number), b"x")
    store.remove(key(4))
    assert gone == [key(0), key(1), key(4)]


def test_clearing_goes_by_parts_and_gives_the_octets_back() -> None:
    budget = Budget()
    store = Store(10_000, budget)
    for number in range(10_000):
        store.put(key(number), b"x")
        if number % 2:
            store.get(key(number))
    steps = 0
    while store.clear_some():
        steps += 1
    assert steps > 10
    assert len(store) == store.octets == budget.used == 0


def test_what_was_never_filled_costs_nothing() -> None:
    """Thousands of stub domains have a cache each."""
    empty = Store(9984, Budget())
    assert all(segment is store_module._EMPTY for segment in (*empty._new, *empty._again))
    empty.put(key(1), b"x")
    empty.get(key(1))
    empty.remove(key(1))
    assert store_module._EMPTY == {}


def test_the_garbage_collector_never_looks_at_entries() -> None:
    store = Store(10_000, Budget())
    for number in range(5000):
        store.put(key(number), b"x")
        store.get(key(number))
    segments = [segment for segment in (*store._new, *store._again) if segment]
    assert segments
    assert not any(gc.is_tracked(segment) for segment in segments)


@pytest.mark.parametrize("caches", [3, 300])
def test_the_victim_is_never_much_smaller_than_the_largest(caches: int) -> None:
    chance = random.Random(7)
    budget = budget_of(caches * 20_000)
    stores = [Store(10_000, budget) for _ in range(caches)]
    for number in range(20_000):
        store = stores[int(caches * chance.random() ** 3)]  # few of them get most
        before = {other: other.evicted for other in stores} if number % 500 == 0 else {}
        largest = max(other.octets for other in stores) if before else 0
        store.put(key(number), bytes(chance.randrange(200)))
        for other, evicted in before.items():
            if other.evicted > evicted:
                assert other.octets * 2 + 1000 >= largest
    assert budget.used <= budget.limit


def test_pauses_are_limited_and_end() -> None:
    contents = Contents(Settings((b"\0",)), Budget())
    for number in range(10_000):
        contents.pause(key(number), 10.0)
    assert len(contents.pauses) == 4096
    assert contents.paused_until(key(9_999), 9.9) == 10.0
    assert contents.paused_until(key(9_999), 10.0) is None
    assert contents.paused_until(key(0), 0.0) is None
    assert len(contents.pauses) == 4095
