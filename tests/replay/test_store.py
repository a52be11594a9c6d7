"""Answers kept, replayed, aged, withdrawn and given up."""

from __future__ import annotations

import pytest

from resolver.chain.reply import Replay
from resolver.replay.store import Store, Stores
from tests.replay.answers import ROOMY, answer, check_accounts, held, mark_of, question, ttls_of

ALWAYS = Replay(1e9)


@pytest.fixture
def stores() -> Stores:
    return Stores(ROOMY)


@pytest.fixture
def store(stores: Stores) -> Store:
    return stores.make()


def keep(store: Store, label: str, leave: Replay = ALWAYS, *, now: float = 0.0, mark: int = 0, ttl: int = 60) -> None:
    store.add(question(label), [answer(label, ttl, mark=mark)], leave, now)


def test_a_repeat_is_answered_with_its_own_id(store: Store) -> None:
    keep(store, "www")
    octets, _ = answer("www", 60)
    assert store.replay(question("www", 0xBEEF), 1.0) == b"\xbe\xef" + octets[2:]
    assert store.replay(question("other"), 1.0) is None
    assert store.replay(b"", 1.0) is None
    assert len(store) == 1


def test_the_leave_ends_at_its_time(store: Store) -> None:
    keep(store, "www", Replay(5.0))
    assert store.replay(question("www"), 4.999) is not None
    assert store.replay(question("www"), 5.0) is None
    assert len(store) == 0
    assert store.replay(question("www"), 4.0) is None


def test_what_has_ended_is_not_kept(store: Store) -> None:
    keep(store, "www", Replay(5.0), now=5.0)
    assert len(store) == 0
    assert store.budget.used == 0


def test_ttls_fall_by_whole_seconds_from_the_base(store: Store) -> None:
    keep(store, "www", Replay(100.0, base=10.25), now=10.25)
    seen = {
        now: ttls_of(store.replay(question("www"), now)) for now in (10.25, 11.0, 11.25, 11.5, 12.5, 40.0, 69.25, 90)
    }
    assert seen == {10.25: [60], 11.0: [60], 11.25: [59], 11.5: [59], 12.5: [58], 40.0: [31], 69.25: [1], 90: [0]}


def test_ttls_that_were_lowered_already_are_not_lowered_again(store: Store) -> None:
    keep(store, "www", Replay(100.0, base=10.0), now=15.5, ttl=55)
    assert ttls_of(store.replay(question("www"), 15.9)) == [55]
    assert ttls_of(store.replay(question("www"), 16.0)) == [54]


def test_a_base_in_the_future_lowers_nothing_before_it(store: Store) -> None:
    keep(store, "www", Replay(100.0, base=12.0), now=10.0)
    for now, ttl in ((10.0, 60), (12.9, 60), (13.0, 59)):
        assert ttls_of(store.replay(question("www"), now)) == [ttl]


def test_a_clock_that_was_read_earlier_raises_no_ttl(store: Store) -> None:
    """A burst of datagrams is answered with one reading of the clock."""
    keep(store, "www", Replay(100.0, base=0.0), now=5.0, ttl=55)
    assert ttls_of(store.replay(question("www"), 4.99)) == [55]
    variants = [answer("www", 55), answer("www", 55, mark=1)]
    store.add(question("www"), variants, Replay(100.0, base=0.0), 5.0)
    assert ttls_of(store.replay(question("www"), 4.99)) == [55]


def test_without_a_base_ttls_stay(store: Store) -> None:
    keep(store, "www")
    assert ttls_of(store.replay(question("www"), 1e6)) == [60]


def test_all_ttls_of_an_answer_fall(store: Store) -> None:
    store.add(question("www"), [answer("www", 60, 5, 0)], Replay(100.0, base=0.0), 0.0)
    assert ttls_of(store.replay(question("www"), 7.0)) == [53, 0, 0]


def test_variants_take_turns_and_age_together(store: Store) -> None:
    variants = [answer("www", 60, mark=mark) for mark in range(3)]
    store.add(question("www"), variants, Replay(100.0, base=0.0), 0.0)
    replays = [store.replay(question("www"), now / 2) for now in range(12)]
    assert [mark_of(octets) for octets in replays] == [1, 2, 0] * 4
    assert [ttls_of(octets) for octets in replays] == [[60 - now // 2] for now in range(12)]
    assert store.replay(question("www"), 100.0) is None


def test_the_newest_answer_counts(store: Store) -> None:
    for mark in range(3):
        keep(store, "www", mark=mark)
    assert mark_of(store.replay(question("www"), 1.0)) == 2
    assert len(store) == 1
    check_accounts([store])


def test_a_tag_ends_what_carries_it(stores: Stores, store: Store) -> None:
    other = stores.make()
    keep(store, "a", Replay(1e9, tags=("hosts",)))
    keep(store, "b", Replay(1e9, tags=("hosts", "zone")))
    keep(store, "c", Replay(1e9, tags=("zone",)))
    keep(other, "a", Replay(1e9, tags=("hosts",)))
    stores.withdraw("hosts")
    stores.withdraw("unknown")
    assert [store.replay(question(label), 1.0) is None for label in "abc"] == [True, True, False]
    assert other.replay(question("a"), 1.0) is None
    stores.withdraw("zone")
    assert (len(store), len(other), stores.budget.used) == (0, 0, 0)
    assert stores.epoch == 3


def test_a_tag_still_ends_what_moved_between_the_generations(store: Store) -> None:
    keep(store, "a", Replay(1e9, tags=("hosts",)))
    turn(store)
    assert question("a")[2:] in store.old
    assert store.replay(question("a"), 1.0) is not None
    assert question("a")[2:] in store.young
    turn(store)
    store.withdraw("hosts")
    assert store.replay(question("a"), 1.0) is None
    check_accounts([store])


def test_a_tag_of_an_earlier_answer_does_not_end_the_newer_one(store: Store) -> None:
    keep(store, "a", Replay(1e9, tags=("old",)))
    turn(store, 2)
    assert len(store) == 0
    keep(store, "a", Replay(1e9, tags=("new",)), mark=1)
    store.withdraw("old")
    assert mark_of(store.replay(question("a"), 1.0)) == 1
    check_accounts([store])


def test_an_answer_that_was_given_up_takes_no_tag_of_a_newer_one_along(store: Store) -> None:
    keep(store, "a", Replay(1e9, tags=("hosts",)))
    turn(store, 2)
    keep(store, "a", Replay(1e9, tags=("hosts",)), mark=1)
    while len(list(held(store))) > 1:
        store.budget._free_one()
    check_accounts([store])
    store.withdraw("hosts")
    assert len(store) == 0


def test_tags_that_nothing_carries_are_forgotten(store: Store) -> None:
    for number in range(100):
        keep(store, "a", Replay(1e9, tags=(f"tag {number}", "hosts")))
    assert len(store._tags) == 2


def test_what_is_asked_for_stays_and_what_is_not_goes() -> None:
    store = Stores(20_000).make()
    keep(store, "popular")
    for number in range(1000):
        keep(store, f"once{number}")
        assert store.replay(question("popular"), 1.0) is not None
    assert store.replay(question("once0"), 1.0) is None
    assert store.replay(question("once999"), 1.0) is not None
    check_accounts([store])


def test_a_store_that_is_full_makes_room_for_others() -> None:
    stores = Stores(40_000)
    busy, quiet = stores.make(), stores.make()
    for number in range(1000):
        keep(busy, f"name{number}")
    for number in range(20):
        keep(quiet, f"name{number}")
    assert [quiet.replay(question(f"name{number}"), 1.0) is not None for number in range(20)] == [True] * 20
    check_accounts([busy, quiet])


def test_an_answer_too_large_for_the_budget_is_not_kept() -> None:
    stores = Stores(4000)
    store = stores.make()
    keep(store, "small")
    store.add(question("large"), [answer("large", *range(60))], Replay(1e9, tags=("hosts",)), 0.0)
    assert store.replay(question("large"), 1.0) is None
    assert store.replay(question("small"), 1.0) is not None
    check_accounts([store])


def test_a_lower_limit_is_kept_to_from_the_next_addition_on() -> None:
    stores = Stores(200_000)
    store = stores.make()
    for number in range(300):
        keep(store, f"name{number}")
    for limit in (50_000, 2_000):
        stores.budget.limit = limit
        assert store.replay(question("name299"), 1.0) is not None
        keep(store, "name299")
        assert stores.budget.used <= limit
        check_accounts([store])


def test_a_cleared_store_holds_nothing(stores: Stores, store: Store) -> None:
    other = stores.make()
    for number in range(20):
        keep(store, f"name{number}", Replay(1e9, tags=("hosts",)))
        keep(other, f"name{number}")
    turn(store, 2)
    keep(store, "a")
    keep(other, "a")
    store.clear()
    assert (len(store), len(list(held(store))), len(store._tags)) == (0, 0, 0)
    check_accounts([store, other])
    assert other.replay(question("a"), 1.0) is not None


def test_a_discarded_store_gives_its_room_back(stores: Stores, store: Store) -> None:
    other = stores.make()
    keep(store, "a")
    keep(other, "a")
    used = stores.budget.used
    stores.discard(store)
    assert stores.budget.used == used / 2
    check_accounts([other])
    keep(store, "late")
    assert (len(store), stores.budget.used) == (0, used / 2)
    stores.discard(other)
    assert (stores.budget.used, stores.budget.young, stores.budget.stores) == (0, 0, [])


def test_another_configuration_begins_with_nothing(stores: Stores, store: Store) -> None:
    keep(store, "a")
    stores.renew()
    assert store.replay(question("a"), 1.0) is None
    assert (stores.reign, stores.budget.used) == (1, 0)


def turn(store: Store, times: int = 1) -> None:
    """Make the young old, as happens when they fill half of the budget."""
    for _ in range(times):
        store.budget.admit(store.budget.limit)


def test_who_wants_to_know_is_told_of_every_replay(stores: Stores, store: Store) -> None:
    told: list[tuple[object, ...]] = []
    keep(store, "www", Replay(1e9, observers=(lambda *seen: told.append(seen),)))
    client, local = ("192.0.2.1", 4000), ("192.0.2.53", 53)
    assert store.replay(question("www", 7), 1.0) is None
    octets = store.replay_told(question("www", 7), client, local, "udp", 1.0)
    assert octets is not None
    assert mark_of(octets) == 0
    assert told == [(question("www", 7), client, local, "udp", octets)]
    check_accounts(stores.budget.stores)


def test_an_observed_answer_takes_the_place_of_one_that_was_not(stores: Stores, store: Store) -> None:
    where = ("192.0.2.1", 4000), ("192.0.2.53", 53), "udp"
    assert store.replay_told(question("www"), *where, 1.0) is None
    keep(store, "www", mark=1)
    keep(store, "www", Replay(1e9, observers=(lambda *_: None,), tags=("zone",)), mark=2)
    assert store.replay(question("www"), 1.0) is None
    assert mark_of(store.replay_told(question("www"), *where, 1.0)) == 2
    stores.withdraw("zone")
    assert store.replay_told(question("www"), *where, 1.0) is None
    stores.discard(store)
    assert stores.budget.stores == []


# --- guards


def test_a_guard_is_asked_at_each_replay_and_may_let_it_pass(store: Store) -> None:
    asked: list[tuple[object, ...]] = []

    def guard(*seen: object) -> bytes | None:
        asked.append(seen)
        octets = seen[2]
        assert isinstance(octets, bytes)
        return octets

    counted: list[int] = []
    keep(store, "www", Replay(1e9, guards=(guard,), counts=(counted.append,)))
    client, local = ("192.0.2.1", 4711), ("192.0.2.53", 53)
    assert store.replay(question("www"), 1.0) is None, "without its client nobody may have it"
    octets = store.replay_told(question("www", 7), client, local, "udp", 1.0)
    assert mark_of(octets) == 0
    assert asked == [(client, question("www", 7), octets, 1.0)]
    store.fold()
    assert store.told is not None
    store.told.fold()
    assert counted == [1]


@pytest.mark.parametrize("given", [None, b"", b"something else"])
def test_what_a_guard_gives_in_its_place_is_no_replay(store: Store, given: bytes | None) -> None:
    counted: list[int] = []
    seen: list[object] = []
    guards = (lambda *_: given, lambda *_: seen.append("a later guard"))
    leave = Replay(1e9, guards=guards, counts=(counted.append,), observers=(lambda *_: seen.append("observer"),))
    keep(store, "www", leave)
    assert store.replay_told(question("www"), ("192.0.2.1", 1), ("192.0.2.53", 53), "udp", 1.0) == given
    assert store.told is not None
    store.told.fold()
    assert (sum(counted), seen) == (0, [])
