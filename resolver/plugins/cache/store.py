"""Keys and entries as octets, at most so many, within the budget of the process.

Dictionaries from bytes to bytes are never looked at by the garbage collector, so a million entries cost it nothing.
They are many small ones: growing one, or finding its oldest entry, then takes microseconds however much is stored.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TypeAlias

from resolver.plugins.cache.budget import Budget

# What an entry takes beside the octets of key and value: two bytes objects, allocator rounding, a slot in a
# dictionary that is between a third and two thirds full (measured with a million entries).
ENTRY_OVERHEAD = 140
Segment: TypeAlias = dict[bytes, bytes]

_PER_SHARD = 512
_MOST_SHARDS = 4096
_EMPTY: Segment = {}  # stands for every segment that has never held anything, and stays empty
_NOTHING: Callable[[bytes], None] = lambda key: None  # noqa: E731


@cache
def _segments(number: int) -> list[Segment]:
    """So many segments that have never held anything, for all stores that have not either."""
    return [_EMPTY] * number


class Store:
    """Entries in two segments: new ones, and those that were asked for again (segmented LRU).

    New entries go first, oldest first, so that a flood of names asked once does not push out the popular ones.
    ``forgotten`` is told each key that goes. ``evicted`` counts entries that had to give way.
    """

    __slots__ = (
        "_again", "_again_limit", "_class", "_count", "_hand", "_mask", "_new", "_untouched", "budget", "capacity",
        "evicted", "forgotten", "octets",
    )  # fmt: skip

    def __init__(self, capacity: int, budget: Budget, forgotten: Callable[[bytes], None] = _NOTHING) -> None:
        shards = 1
        while shards * _PER_SHARD < capacity and shards < _MOST_SHARDS:
            shards *= 2
        self.capacity = capacity
        self.budget = budget
        self.forgotten = forgotten
        self.octets = 0
        self.evicted = 0
        self._count = 0
        self._mask = shards - 1
        self._hand = 0
        self._class = 0
        self._new = self._again = self._untouched = _segments(shards)
        self._again_limit = max(1, capacity * 4 // 5 // shards)

    def get(self, key: bytes) -> bytes | None:
        """The entry, which counts as asked for again."""
        at = hash(key) & self._mask
        again = self._again[at]
        entry = again.get(key)
        if entry is None:
            new = self._new[at]
            entry = new.get(key)
            if entry is not None:
                self._promote(at, key, entry)
        return entry

    def put(self, key: bytes, entry: bytes) -> bool:
        """Keep an entry, in place of an earlier one of the key; False where the budget has no room for it."""
        at = hash(key) & self._mask
        segment = self._again[at] if key in self._again[at] else self._new[at]
        if key in segment:
            self._drop(segment, key)
        elif segment is _EMPTY:
            self._new = self._own(self._new)
            segment = self._new[at] = {}
        octets = len(key) + len(entry) + ENTRY_OVERHEAD
        if self._count >= self.capacity:
            self._evict_from(at)
        budget = self.budget
        if budget.used + octets > budget.limit and not budget.make_room(octets):
            return False
        segment[key] = entry
        self._count += 1
        self._account(octets)
        return True

    def remove(self, key: bytes) -> None:
        """Forget the entry of the key, if there is one."""
        at = hash(key) & self._mask
        for segment in (self._new[at], self._again[at]):
            if key in segment:
                self._drop(segment, key)
                self.forgotten(key)

    def evict(self) -> None:
        """Let one entry go."""
        self._hand += 1
        self._evict_from(self._hand & self._mask)

    def clear_some(self) -> bool:
        """Forget a small part of what is stored; False when there is nothing left."""
        for segments in (self._new, self._again):
            for segment in segments:
                if segment:
                    self._account(-sum(len(key) + len(entry) + ENTRY_OVERHEAD for key, entry in segment.items()))
                    self._count -= len(segment)
                    segment.clear()
                    return True
        return False

    def __len__(self) -> int:
        return self._count

    def _own(self, segments: list[Segment]) -> list[Segment]:
        """The segments as a list that may be written into."""
        return segments[:] if segments is self._untouched else segments

    def _promote(self, at: int, key: bytes, entry: bytes) -> None:
        again, new = self._again[at], self._new[at]
        if again is _EMPTY:
            self._again = self._own(self._again)
            again = self._again[at] = {}
        del new[key]
        again[key] = entry
        if len(again) > self._again_limit:
            oldest = next(iter(again))
            new[oldest] = again.pop(oldest)

    def _evict_from(self, at: int) -> None:
        for step in range(self._mask + 1):
            shard = at + step & self._mask
            segment = self._new[shard] or self._again[shard]
            if segment:
                key = next(iter(segment))
                self._drop(segment, key)
                self.evicted += 1
                self.forgotten(key)
                return

    def _drop(self, segment: Segment, key: bytes) -> None:
        self._account(-(len(key) + len(segment.pop(key)) + ENTRY_OVERHEAD))
        self._count -= 1

    def _account(self, octets: int) -> None:
        self.octets += octets
        self.budget.used += octets
        size_class = self.octets.bit_length()
        if size_class != self._class:
            self.budget.refile(self, self._class, size_class)
            self._class = size_class
