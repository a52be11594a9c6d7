"""Answers whose every replay somebody is told of, or asked about."""

from __future__ import annotations

from resolver.chain.reply import Replay
from resolver.replay.store import Store, Stores
from tests.replay.answers import ROOMY, answer, question, ttls_of

CLIENT, LOCAL = ("10.0.0.9", 999), ("127.0.0.1", 53)


class Watcher:
    """Says what was replayed to whom; lets answers pass while ``instead`` is the answer itself."""

    def __init__(self) -> None:
        self.seen: list[tuple[tuple[str, int], str, bytes]] = []
        self.instead: list[bytes | None] = []

    def observe(
        self, packet: bytes, client: tuple[str, int], local: tuple[str, int], transport: str, octets: bytes
    ) -> None:
        self.seen.append((client, transport, octets))

    def guard(self, client: tuple[str, int], packet: bytes, octets: bytes, now: float) -> bytes | None:
        return self.instead[0] if self.instead else octets


def kept(watcher: Watcher, until: float = 1e9, base: float | None = None) -> tuple[Store, list[int]]:
    """A store with one answer, and how often it was replayed."""
    counts: list[int] = []
    store = Stores(ROOMY).make()
    leave = Replay(until, base, counts=(counts.append,), observers=(watcher.observe,), guards=(watcher.guard,))
    store.add(question("www"), [answer("www", 60)], leave, 0.0)
    return store, counts


def told(store: Store, now: float, message_id: int = 1) -> bytes | None:
    return store.replay_told(question("www", message_id), CLIENT, LOCAL, "udp", now)


def test_who_watches_is_told_of_each_replay_with_the_very_octets() -> None:
    watcher = Watcher()
    store, counts = kept(watcher)
    octets = told(store, 1.0, 0xBEEF)
    assert octets == b"\xbe\xef" + answer("www", 60)[0][2:]
    assert watcher.seen == [(CLIENT, "udp", octets)]
    store.budget.stores[-1].fold()
    assert counts == [1]


def test_several_are_told_of_the_same_replay() -> None:
    first, second = Watcher(), Watcher()
    store = Stores(ROOMY).make()
    leave = Replay(1e9, observers=(first.observe, second.observe))
    store.add(question("www"), [answer("www", 60)], leave, 0.0)
    assert told(store, 1.0) is not None
    assert first.seen == second.seen
    assert len(first.seen) == 1


def test_such_answers_age_and_end_as_others_do() -> None:
    store, _ = kept(Watcher(), until=9.0, base=0.0)
    assert ttls_of(told(store, 4.5)) == [56]
    assert told(store, 9.0) is None
    assert store.told is not None
    assert len(store.told) == 0


def test_one_that_was_not_asked_for_of_late_moves_back_in_front() -> None:
    store, _ = kept(Watcher())
    within = store.told
    assert within is not None
    within.young, within.old = {}, within.young
    store.budget.young = 0
    assert told(store, 1.0) is not None
    assert (len(within.young), len(within.old)) == (1, 0)


def test_what_a_guard_puts_in_its_place_is_no_replay() -> None:
    watcher = Watcher()
    store, counts = kept(watcher)
    for instead in (b"", b"other", None):
        watcher.instead = [instead]
        assert told(store, 1.0) == instead
    store.budget.stores[-1].fold()
    assert (watcher.seen, counts) == ([], [])
