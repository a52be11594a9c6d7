"""Replays counted: each once, whatever becomes of the answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from resolver.chain.reply import Replay
from resolver.replay.store import Store, Stores
from tests.replay.answers import ROOMY, answer, check_accounts, question
from tests.replay.test_store import turn


class Counter:
    """Stands in for a cell of a metric."""

    def __init__(self) -> None:
        self.told: list[int] = []

    def add(self, times: int) -> None:
        self.told.append(times)


@pytest.fixture
def stores() -> Stores:
    return Stores(ROOMY)


@pytest.fixture
def store(stores: Stores) -> Store:
    return stores.make()


def keep(
    store: Store, label: str, *counts: Callable[[int], None], seen: list[int] | None = None, until: float = 1e9
) -> None:
    store.add(question(label), [answer(label, 60)], Replay(until, counts=counts, seen=seen), 0.0)


def ask(store: Store, label: str, times: int, now: float = 1.0) -> None:
    for _ in range(times):
        store.replay(question(label), now)


def test_replays_are_told_when_somebody_reads(stores: Stores, store: Store) -> None:
    requests, hits = Counter(), Counter()
    keep(store, "a", requests.add, hits.add)
    keep(store, "b", requests.add)
    ask(store, "a", 3)
    ask(store, "b", 2)
    ask(store, "unknown", 5)
    assert requests.told == []
    stores.fold()
    stores.fold()
    assert sorted(requests.told) == [2, 3]
    assert hits.told == [3]
    ask(store, "a", 1)
    stores.fold()
    assert (sum(requests.told), sum(hits.told)) == (6, 4)


def test_the_replays_of_one_answer_are_seen_by_whoever_asked_for_them(stores: Stores, store: Store) -> None:
    first, second = [0], [0]
    hits = Counter()
    keep(store, "a", hits.add, seen=first)
    keep(store, "b", hits.add, seen=second)
    ask(store, "a", 3)
    ask(store, "b", 4)
    stores.fold()
    assert (first, second, sum(hits.told)) == ([3], [4], 7)


def test_what_was_seen_is_told_as_soon_as_the_answer_ends(store: Store) -> None:
    """The cache decides on prefetching with it when the next query comes through."""
    seen = [0]
    keep(store, "a", seen=seen, until=5.0)
    ask(store, "a", 3)
    ask(store, "a", 1, now=5.0)
    assert seen == [3]


def test_what_was_seen_is_told_though_another_answer_counts_the_same_way(store: Store) -> None:
    """Several spellings of a question share an answer of the cache."""
    seen = [0]
    keep(store, "a", seen=seen, until=5.0)
    keep(store, "A", seen=seen)
    ask(store, "a", 3)
    ask(store, "a", 1, now=5.0)
    assert seen == [3]
    ask(store, "A", 1)
    store.fold()
    assert seen == [4]


def test_replays_are_told_whatever_ends_the_answer(stores: Stores) -> None:
    hits = Counter()
    ends: list[Callable[[Store], None]] = [
        lambda store: store.withdraw("hosts"),
        lambda store: store.clear(),
        lambda store: stores.discard(store),
        lambda store: store.add(question("a"), [answer("a", 60)], Replay(1e9), 0.0),
        lambda store: ask(store, "a", 1, now=1e9),
        lambda store: stores.renew(),
    ]
    for number, end in enumerate(ends, 1):
        store = stores.make()
        store.add(question("a"), [answer("a", 60)], Replay(1e9, counts=(hits.add,), tags=("hosts",)), 0.0)
        ask(store, "a", 2)
        end(store)
        stores.fold()
        assert sum(hits.told) == 2 * number


def test_an_answer_that_was_given_up_is_counted_when_it_is_freed(store: Store) -> None:
    hits = Counter()
    keep(store, "a", hits.add)
    ask(store, "a", 2)
    turn(store, 2)
    keep(store, "b", hits.add)
    ask(store, "b", 1)
    store.fold()
    assert sum(hits.told) == 3
    store.budget._free_one()
    store.fold()
    assert sum(hits.told) == 3
    check_accounts([store])


def test_tallies_that_nothing_uses_are_forgotten(stores: Stores, store: Store) -> None:
    """Plugins of an earlier configuration must not be held by what counted for them."""
    told = 0

    def count(times: int) -> None:
        nonlocal told
        told += times

    for number in range(1000):
        keep(store, "a", lambda times, number=number: count(times))  # type: ignore[misc]
        ask(store, "a", 1)
    assert len(store._tallies) == 1
    stores.fold()
    assert told == 1000
    stores.renew()
    assert len(store._tallies) == 0
