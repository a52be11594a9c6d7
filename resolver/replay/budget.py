"""How many octets all stores of a process may take together, and what goes when that is not enough.

Two generations stand in for an order of use: what was asked for since the last turn is young. When the young would
take more than half of the budget they become old, and what was old and not asked for since is given up. It is freed
entry by entry as room is needed, so that no addition takes long, and counts as used until then.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from resolver.replay.entry import Entry

if TYPE_CHECKING:
    from resolver.replay.store import Store


class Budget:
    """``used`` of ``limit`` octets are taken, of which ``young`` by entries of the young generation.

    A limit may be set anew at any time; a lower one is kept to from the next addition on.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0
        self.young = 0
        self.stores: list[Store] = []
        self._given_up: list[tuple[Store, dict[bytes, Entry]]] = []

    def make_room(self, size: int) -> bool:
        """Make room for a young entry of that size; False where it would take more than a generation may."""
        if size > self.limit // 2:
            return False
        self.admit(size)
        while self.used + size > self.limit:
            if self._given_up:
                self._free_one()
            else:  # the limit was lowered
                self._turn()
        return True

    def admit(self, size: int) -> None:
        """Turn the generations if the young may not grow by ``size``."""
        if self.young + size > self.limit // 2:
            self._turn()

    def leave(self, store: Store) -> None:
        """Everything that a store holds is about to go."""
        kept = [(owner, entries) for owner, entries in self._given_up if owner is not store]
        gone = [entries for owner, entries in self._given_up if owner is store]
        self._given_up = kept
        self.young -= _size(store.young.values())
        self.used -= sum(_size(entries.values()) for entries in (store.young, store.old, *gone))

    def _turn(self) -> None:
        """The young become old, the old are given up."""
        for store in self.stores:
            if store.old:
                self._given_up.append((store, store.old))
            store.old, store.young = store.young, {}
        self.young = 0

    def _free_one(self) -> None:
        store, entries = self._given_up[-1]
        key, entry = entries.popitem()
        if not entries:
            self._given_up.pop()
        self.used -= entry.size
        store.forget(key, entry)


def _size(entries: Iterable[Entry]) -> int:
    return sum([entry.size for entry in entries])
