"""The stores of a process under any sequence of events, held against a plain account of what was added."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from resolver.chain.reply import Replay
from resolver.replay.store import Store, Stores
from tests.replay.answers import answer, check_accounts, mark_of, question, ttls_of

LABELS = [f"n{number}" for number in range(12)]
TAGS = ["hosts", "zone", "weights"]
labels = st.sampled_from(LABELS)
indexes = st.integers(0, 1)


@dataclass
class Added:
    """What was added last for a question."""

    until: float
    base: float | None
    added: float
    ttl: int
    marks: int
    tags: tuple[Hashable, ...]


class Counter:
    def __init__(self) -> None:
        self.total = 0

    def add(self, times: int) -> None:
        self.total += times


class Machine(RuleBasedStateMachine):
    """Two stores under one budget, now and then too small."""

    @initialize(limit=st.sampled_from((3_000, 8_000, 1_000_000)))
    def begin(self, limit: int) -> None:
        self.stores = Stores(limit)
        self.pair: list[Store] = [self.stores.make(), self.stores.make()]
        self.known: list[dict[str, Added]] = [{}, {}]
        self.turns: dict[tuple[int, str], list[int]] = {}
        self.now = 0.0
        self.replays = 0
        self.counters = [Counter() for _ in range(3)]
        self.seen = [[0], [0]]
        self.seen_replays = 0
        self.roomy = limit > 100_000

    @rule(
        index=indexes,
        label=labels,
        life=st.floats(0, 20),
        age=st.none() | st.floats(0, 5),
        ttl=st.integers(0, 30),
        marks=st.integers(1, 4),
        tags=st.sets(st.sampled_from(TAGS)),
        counter=st.integers(0, 2),
        seen=st.none() | st.integers(0, 1),
    )
    def add(
        self,
        index: int,
        label: str,
        life: float,
        age: float | None,
        ttl: int,
        marks: int,
        tags: set[str],
        counter: int,
        seen: int | None,
    ) -> None:
        base = None if age is None else self.now - age
        leave = Replay(
            self.now + life,
            base,
            counts=(self.counters[counter].add,),
            seen=None if seen is None else self.seen[seen],
            tags=tuple(sorted(tags)),
        )
        variants = [answer(label, ttl, mark=mark) for mark in range(marks)]
        self.pair[index].add(question(label), variants, leave, self.now)
        self.known[index][label] = Added(self.now + life, base, self.now, ttl, marks, leave.tags)
        self.turns[index, label] = []

    @rule(index=indexes, label=labels, message_id=st.integers(0, 65535))
    def ask(self, index: int, label: str, message_id: int) -> None:
        octets = self.pair[index].replay(question(label, message_id), self.now)
        added = self.known[index].get(label)
        if added is None or self.now >= added.until:
            assert octets is None
            return
        if octets is None:
            assert not self.roomy
            return
        self.replays += 1
        assert octets[:2] == message_id.to_bytes(2, "big")
        assert ttls_of(octets) == [self.expected_ttl(added)]
        turns = self.turns[index, label]
        turns.append(mark_of(octets))
        assert turns[-added.marks :] == [number % added.marks for number in range(1, len(turns) + 1)][-added.marks :]

    def expected_ttl(self, added: Added) -> int:
        if added.base is None:
            return added.ttl
        lower = int(self.now - added.base) - int(added.added - added.base)
        return max(added.ttl - lower, 0)

    @rule(seconds=st.sampled_from((0.0, 0.25, 1.0, 3.75, 10.0)))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(tag=st.sampled_from(TAGS))
    def withdraw(self, tag: str) -> None:
        self.stores.withdraw(tag)
        for known in self.known:
            for label in [label for label, added in known.items() if tag in added.tags]:
                del known[label]

    @rule(index=indexes)
    def clear(self, index: int) -> None:
        self.pair[index].clear()
        self.known[index].clear()

    @rule(index=indexes)
    def replace(self, index: int) -> None:
        self.stores.discard(self.pair[index])
        self.pair[index] = self.stores.make()
        self.known[index].clear()

    @rule()
    def scrape(self) -> None:
        self.stores.fold()
        assert sum(counter.total for counter in self.counters) == self.replays

    @invariant()
    def accounts_are_right(self) -> None:
        if hasattr(self, "pair"):
            check_accounts(self.pair)

    def teardown(self) -> None:
        if hasattr(self, "pair"):
            self.stores.renew()
            assert sum(counter.total for counter in self.counters) == self.replays
            assert self.stores.budget.used == 0


TestStores = Machine.TestCase
TestStores.settings = settings(stateful_step_count=40)
