"""Answers that may be replayed, within a budget of octets.

Two generations stand in for an order of use: what was hit since the last turn is young; when the young take half of
the budget they become old, and what was old and not asked for goes. A look-up is one dictionary access.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable

from resolver.chain.reply import Replay
from resolver.replay.tally import Counts, Tally
from resolver.wire.ttl import aged

# What an entry costs beside its octets: key and value objects, slots, two dictionary places (measured).
ENTRY_OVERHEAD = 420
_DRAINED_PER_ADDITION = 4


class Entry:
    """One replayable answer. ``octets`` follow the ID and are right until ``fresh_until``."""

    __slots__ = ("age", "base", "fresh_until", "octets", "size", "tags", "tally", "turn", "until", "variants")

    def __init__(self, variants: tuple[tuple[bytes, tuple[int, ...]], ...], leave: Replay, tally: Tally, now: float):
        self.variants = variants
        self.octets = variants[0][0]
        self.tally = tally
        self.until = leave.until
        self.base = leave.base
        self.age = 0 if leave.base is None else int(now - leave.base)
        self.fresh_until = self._fresh_until()
        self.turn = 0
        self.tags = leave.tags
        self.size = ENTRY_OVERHEAD + sum(len(octets) for octets, _ in variants)

    def renew(self, now: float) -> bytes | None:
        """The octets for this moment and turn, None when the leave has ended."""
        if now >= self.until:
            return None
        if self.base is not None:
            age = int(now - self.base)
            if age != self.age:
                lower = age - self.age
                self.variants = tuple((aged(octets, at, lower), at) for octets, at in self.variants)
                self.age = age
        self.turn = (self.turn + 1) % len(self.variants)
        self.octets = self.variants[self.turn][0]
        self.fresh_until = self._fresh_until()
        return self.octets

    def _fresh_until(self) -> float:
        if len(self.variants) > 1:
            return 0.0  # each replay takes its turn
        return self.until if self.base is None else min(self.until, self.base + self.age + 1)


class Budget:
    """Octets that all stores of a process may take together."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0


class Store:
    """The replayable answers of one listener; keys are query octets behind the ID."""

    def __init__(self, budget: Budget) -> None:
        self.budget = budget
        self.young: dict[bytes, Entry] = {}
        self.old: dict[bytes, Entry] = {}
        self._dying: dict[bytes, Entry] = {}
        self._young_size = self._old_size = 0
        self._tallies: dict[Counts, Tally] = {}
        self._private: dict[int, Tally] = {}
        self._tagged: dict[Hashable, set[bytes]] = {}

    def replay(self, packet: bytes, now: float) -> bytes | None:
        """The answer to a query that was answered before; None says to work it out."""
        key = packet[2:]
        entry = self.young.get(key)
        if entry is None:
            entry = self.old.get(key)
            if entry is None:
                return None
            self._promote(key, entry)
        if now < entry.fresh_until:
            entry.tally.hits += 1
            return packet[:2] + entry.octets
        octets = entry.renew(now)
        if octets is None:
            self._remove(key)
            return None
        entry.tally.hits += 1
        return packet[:2] + octets

    def add(self, packet: bytes, messages: Iterable[tuple[bytes, tuple[int, ...]]], leave: Replay, now: float) -> None:
        """Keep an answer. ``messages`` are its variants: whole message and the offsets of its TTL fields."""
        key = packet[2:]
        variants = tuple((octets[2:], tuple(at - 2 for at in offsets)) for octets, offsets in messages)
        if key in self.young or key in self.old:
            self._remove(key)
        entry = Entry(variants, leave, self._tally(leave), now)
        entry.size += len(key)
        self._make_room(entry.size)
        self.young[key] = entry
        self._young_size += entry.size
        self.budget.used += entry.size
        for tag in entry.tags:
            self._tagged.setdefault(tag, set()).add(key)

    def withdraw(self, tag: Hashable) -> None:
        """End the replay of every answer that carries the tag."""
        for key in self._tagged.pop(tag, ()):
            self._remove(key)

    def clear(self) -> None:
        """Forget all answers; replays are counted first."""
        self.fold()
        self.budget.used -= self._young_size + self._old_size
        self._young_size = self._old_size = 0
        for held in (self.young, self.old, self._dying, self._tagged, self._private):
            held.clear()

    def fold(self) -> None:
        """Tell the metrics how often answers were replayed."""
        for tally in self._tallies.values():
            tally.fold()
        for tally in self._private.values():
            tally.fold()

    def __len__(self) -> int:
        return len(self.young) + len(self.old)

    def _tally(self, leave: Replay) -> Tally:
        if leave.seen is not None:
            tally = Tally(leave.counts, leave.seen)
            self._private[id(tally)] = tally
            return tally
        tally = self._tallies.get(leave.counts)
        if tally is None:
            tally = self._tallies[leave.counts] = Tally(leave.counts)
        return tally

    def _promote(self, key: bytes, entry: Entry) -> None:
        del self.old[key]
        self.young[key] = entry
        self._old_size -= entry.size
        self._young_size += entry.size

    def _remove(self, key: bytes) -> None:
        entry = self.young.pop(key, None)
        if entry is not None:
            self._young_size -= entry.size
        else:
            entry = self.old.pop(key, None)
            if entry is None:
                return
            self._old_size -= entry.size
        self.budget.used -= entry.size
        self._forget(key, entry)

    def _forget(self, key: bytes, entry: Entry) -> None:
        tally = entry.tally
        if tally.seen is not None:
            tally.fold()
            self._private.pop(id(tally), None)
        for tag in entry.tags:
            keys = self._tagged.get(tag)
            if keys is not None and key not in self.young and key not in self.old:
                keys.discard(key)
                if not keys:
                    del self._tagged[tag]

    def _make_room(self, size: int) -> None:
        budget = self.budget
        if self._young_size > budget.limit // 2:
            self._turn()
        while budget.used + size > budget.limit and (self.young or self.old):
            self._turn()
        for _ in range(_DRAINED_PER_ADDITION):  # a generation is freed little by little, not in one long pause
            if not self._dying:
                break
            key, entry = self._dying.popitem()
            self._forget(key, entry)

    def _turn(self) -> None:
        """The young become old, the old go."""
        for key, entry in self._dying.items():
            self._forget(key, entry)
        self.budget.used -= self._old_size
        self._dying = self.old
        self.old, self._old_size = self.young, self._young_size
        self.young, self._young_size = {}, 0


class Stores:
    """All stores of a process: what metrics, data changes and reloads speak to.

    ``epoch`` grows with each withdrawal and ``reign`` with each configuration, so that an answer under way when its
    data or the configuration changed is not kept.
    """

    def __init__(self, limit: int) -> None:
        self.budget = Budget(limit)
        self.epoch = 0
        self.reign = 0
        self._stores: list[Store] = []

    def make(self) -> Store:
        """A new store under the common budget."""
        store = Store(self.budget)
        self._stores.append(store)
        return store

    def discard(self, store: Store) -> None:
        """Forget a store and what it holds."""
        store.clear()
        self._stores.remove(store)

    def withdraw(self, tag: Hashable) -> None:
        """End the replay of every answer that carries the tag, in all stores."""
        self.epoch += 1
        self._each(lambda store: store.withdraw(tag))

    def fold(self) -> None:
        """Tell the metrics how often answers were replayed."""
        self._each(Store.fold)

    def renew(self) -> None:
        """Forget all answers: another configuration answers from now on."""
        self.reign += 1
        self._each(Store.clear)

    def _each(self, action: Callable[[Store], None]) -> None:
        for store in self._stores:
            action(store)
