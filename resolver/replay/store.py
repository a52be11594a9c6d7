"""Answers that may be replayed. A look-up is one dictionary access, two where an answer was not asked for of late."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence

from resolver.chain.reply import Replay
from resolver.replay.budget import Budget
from resolver.replay.door import Door
from resolver.replay.entry import Entry, Message
from resolver.replay.tags import Tags
from resolver.replay.tally import Tallies

Address = tuple[str, int]


class Store:
    """The replayable answers of one listener; keys are query octets behind the ID.

    Answers whose every replay somebody is told of, or asked about, are in a store of their own, ``told``: it is there
    once one came.
    """

    def __init__(self, budget: Budget, *, observed: bool = False) -> None:
        self.budget = budget
        self.young: dict[bytes, Entry] = {}
        self.old: dict[bytes, Entry] = {}
        self._tallies = Tallies()
        self._tags = Tags()
        self._door = Door()
        self.told: Store | None = None
        self._observed = observed
        budget.stores.append(self)

    def replay(self, packet: bytes, now: float) -> bytes | None:
        """The answer to a query that was answered before; None says to work it out."""
        key = packet[2:]
        entry = self.young.get(key) or self._promoted(key)
        if entry is None:
            return None
        if now < entry.fresh_until:
            entry.tally.hits += 1
            return packet[:2] + entry.octets
        octets = entry.renew(now)
        if octets is None:
            self._remove(key, entry)
            return None
        entry.tally.hits += 1
        return packet[:2] + octets

    def replay_any(self, packet: bytes, client: Address, local: Address, transport: str, now: float) -> bytes | None:
        """As ``replay``, also of the answers whose replays somebody wants to be told of or asked about."""
        octets = self.replay(packet, now)
        return octets if octets is not None else self.replay_told(packet, client, local, transport, now)

    def replay_told(self, packet: bytes, client: Address, local: Address, transport: str, now: float) -> bytes | None:
        """As ``replay``, for the answers whose every replay somebody wants to be told of or asked about.

        A guard may put another answer in the place of this one, or nothing; that is no replay and counted by itself.
        """
        told = self.told
        if told is None:
            return None
        key = packet[2:]
        entry = told.young.get(key) or told._promoted(key)
        if entry is None:
            return None
        kept = entry.octets if now < entry.fresh_until else entry.renew(now)
        if kept is None:
            told._remove(key, entry)
            return None
        octets = packet[:2] + kept
        for guard in entry.guards:
            given = guard(client, packet, octets, now)
            if given is not octets:
                return given
        entry.tally.hits += 1
        if entry.observe is not None:
            entry.observe(packet, client, local, transport, octets)
            return octets
        for observe in entry.observers:
            observe(packet, client, local, transport, octets)
        return octets

    def is_worth(self, packet: bytes, leave: Replay) -> bool:
        """Whether an answer is to be kept: one from memory when it is asked for again, since it was cheap to work out.

        Such answers are those that do not age: they hold until their data changes.
        """
        return leave.until != math.inf or self._door.was_here(packet[2:])

    def add(self, packet: bytes, messages: Sequence[Message], leave: Replay, now: float) -> None:
        """Keep an answer, in place of an earlier one to the same query.

        ``messages`` are its variants: whole message and the offsets of its TTL fields, of which those are right at
        ``now``. What would take more than half of the budget is not kept.
        """
        key = packet[2:]
        earlier = self.young.get(key) or self.old.get(key)
        if earlier is not None:
            self._remove(key, earlier)
        if now >= leave.until:
            return
        if (leave.observers or leave.guards) and not self._observed:
            self.told = self.told or Store(self.budget, observed=True)
            self.told.add(packet, messages, leave, now)
            return
        entry = Entry(key, messages, leave, self._tallies.take(leave), now)
        if entry.tags:
            entry.size += self._tags.cost(entry.tags)
        if not self.budget.make_room(entry.size):
            self._tallies.give_back(entry.tally)
            return
        self.young[key] = entry
        self.budget.young += entry.size
        self.budget.used += entry.size
        if entry.tags:
            self._tags.put(key, entry)

    def withdraw(self, tag: Hashable) -> None:
        """End the replay of every answer that carries the tag."""
        for key, entry in self._tags.pop(tag).items():
            self._remove(key, entry)

    def clear(self) -> None:
        """Forget all answers; replays are counted first."""
        self._tallies.clear()
        self.budget.leave(self)
        self._tags.clear()
        self.young.clear()
        self.old.clear()

    def fold(self) -> None:
        """Tell the metrics how often answers were replayed."""
        self._tallies.fold()

    def forget(self, key: bytes, entry: Entry) -> None:
        """Let go of what an entry held beside its place: its tally and its tags."""
        self._tallies.give_back(entry.tally)
        if entry.tags:
            self._tags.remove(key, entry)

    def __len__(self) -> int:
        return len(self.young) + len(self.old)

    def _promoted(self, key: bytes) -> Entry | None:
        """An entry that was not asked for of late and now is."""
        entry = self.old.pop(key, None)
        if entry is not None:
            self.budget.admit(entry.size)
            self.young[key] = entry
            self.budget.young += entry.size
        return entry

    def _remove(self, key: bytes, entry: Entry) -> None:
        """Take an entry out, unless it was given up or replaced already."""
        if self.young.get(key) is entry:
            del self.young[key]
            self.budget.young -= entry.size
        elif self.old.get(key) is entry:
            del self.old[key]
        else:
            return
        self.budget.used -= entry.size
        self.forget(key, entry)


class Stores:
    """All stores of a process: what metrics, data changes and reloads speak to.

    ``epoch`` grows with each withdrawal, ``reign`` with each configuration and each new sorting of clients, so that an
    answer under way when its data, the configuration or its client's group changed is not kept.
    """

    def __init__(self, limit: int) -> None:
        self.budget = Budget(limit)
        self.epoch = 0
        self.reign = 0

    def make(self) -> Store:
        """A new store under the common budget."""
        return Store(self.budget)

    def discard(self, store: Store) -> None:
        """Forget a store and what it holds; what is still added to it is not kept."""
        if store.told is not None:
            self.discard(store.told)
        store.clear()
        self.budget.stores.remove(store)
        store.budget = Budget(0)

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

    def resort(self) -> None:
        """What is being worked out is not kept: its client may be in another group by now."""
        self.reign += 1

    def _each(self, action: Callable[[Store], None]) -> None:
        for store in self.budget.stores:
            action(store)
