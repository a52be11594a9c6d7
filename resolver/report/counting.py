"""Counting what there is no room to remember all of: each structure has a limit, and says what it lost to it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Generic, Protocol, TypeVar

_SPAN = 1 << 64


def digest(text: str) -> int:
    """64 bits that look random and are the same in every run."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big")


class Weighed(Protocol):
    """Something counted."""

    queries: int


R = TypeVar("R", bound=Weighed)
K = TypeVar("K", bound=Hashable)


class Bounded(Generic[K, R]):
    """Records by key. Where there are more than ``limit``, the lighter half is let go of and counted.

    ``lost`` is how many records were let go of, ``heaviest_lost`` the most queries that one of them had: whatever has
    more than that is there, and its count is short by no more than that each time it was let go of.
    """

    def __init__(self, limit: int, make: Callable[[], R]) -> None:
        self.limit = limit
        self.lost = 0
        self.heaviest_lost = 0
        self._make = make
        self._records: dict[K, R] = {}

    def __getitem__(self, key: K) -> R:
        record = self._records.get(key)
        if record is None:
            if len(self._records) >= self.limit:
                self._trim()
            record = self._records[key] = self._make()
        return record

    def __len__(self) -> int:
        return len(self._records)

    def get(self, key: K) -> R | None:
        """The record, where it is there."""
        return self._records.get(key)

    def items(self) -> Iterator[tuple[K, R]]:
        """All records."""
        return iter(self._records.items())

    def heaviest(self, count: int, weight: Callable[[R], float] | None = None) -> list[tuple[K, R]]:
        """The first so many by queries (or another weight), without those that have none; always in the same order."""
        measure = weight or _queries
        found = [(key, record) for key, record in self._records.items() if measure(record)]
        return sorted(found, key=lambda item: (-measure(item[1]), str(item[0])))[:count]

    def _trim(self) -> None:
        order = sorted(self._records.items(), key=lambda item: -item[1].queries)
        gone = order[self.limit // 2 :]
        self.lost += len(gone)
        self.heaviest_lost = max(self.heaviest_lost, gone[0][1].queries)
        self._records = dict(order[: self.limit // 2])


def _queries(record: Weighed) -> int:
    return record.queries


class Distinct:
    """How many different digests were seen: exact up to twice ``kept``, about right beyond (k minimum values)."""

    __slots__ = ("_ceiling", "_kept", "_seen")

    def __init__(self, kept: int = 256) -> None:
        self._kept = kept
        self._ceiling = _SPAN
        self._seen: set[int] = set()

    def add(self, number: int) -> None:
        """Count a digest."""
        if number >= self._ceiling or number in self._seen:
            return
        self._seen.add(number)
        if len(self._seen) > 2 * self._kept:
            lowest = sorted(self._seen)
            self._ceiling = lowest[self._kept]
            self._seen = set(lowest[: self._kept])

    @property
    def is_exact(self) -> bool:
        return self._ceiling == _SPAN

    def __len__(self) -> int:
        return len(self._seen) if self.is_exact else round(len(self._seen) * _SPAN / self._ceiling)


# Milliseconds, each a twentieth more than the one before: a percentile is off by no more than that.
BOUNDS = [0.01 * 1.05**step for step in range(340)]


class Times:
    """How long things took, in milliseconds."""

    __slots__ = ("counts", "longest", "queries")

    def __init__(self) -> None:
        self.counts = [0] * (len(BOUNDS) + 1)
        self.longest = 0.0
        self.queries = 0

    def add(self, milliseconds: float, weight: int) -> None:
        """Count one; also done in place by who cannot afford the call."""
        self.counts[bisect_left(BOUNDS, milliseconds)] += weight

    def finish(self) -> None:
        """Bring ``queries`` up to date."""
        self.queries = sum(self.counts)

    def percentile(self, share: float) -> float:
        """The milliseconds within which this share of all was done; 0 where there are none."""
        wanted = share * sum(self.counts)
        if not wanted:
            return 0.0
        reached = 0
        for index, count in enumerate(self.counts):
            reached += count
            if reached >= wanted:
                return min(BOUNDS[min(index, len(BOUNDS) - 1)], self.longest or BOUNDS[-1])
        return self.longest


# How much of "2026-11-23T09:49:39.123456Z" tells one bar from the next, and how long such a bar is.
_STEPS = (
    (19, timedelta(seconds=1), ""),
    (18, timedelta(seconds=10), "0"),
    (16, timedelta(minutes=1), ":00"),
    (15, timedelta(minutes=10), "0:00"),
    (13, timedelta(hours=1), ":00:00"),
    (10, timedelta(days=1), "T00:00:00"),
)


class Timeline:
    """Queries over time by outcome. Starts with seconds and goes to longer steps as the period grows.

    ``counts`` is by the first ``length`` characters of the time: a list with a number for each outcome.
    """

    LIMIT = 4000  # steps

    def __init__(self, outcomes: int) -> None:
        self.counts: dict[str, list[int]] = {}
        self._outcomes = outcomes
        self._step = 0
        self.length = _STEPS[0][0]

    def open(self, time: str) -> list[int] | None:
        """The numbers for a time that has none yet; None where it is no time, or there
        are too many. May change ``length`` and ``counts``."""
        try:
            datetime.fromisoformat(time)
        except ValueError:
            return None
        if len(self.counts) >= self.LIMIT:
            if self._step == len(_STEPS) - 1:
                return None  # more than ten years are no period that anybody reports on
            self._coarsen()
        return self.counts.setdefault(time[: self.length], [0] * self._outcomes)

    def _coarsen(self) -> None:
        while len(self.counts) >= self.LIMIT // 2 and self._step < len(_STEPS) - 1:
            self._step += 1
            self.length = _STEPS[self._step][0]
            merged: dict[str, list[int]] = {}
            for prefix, numbers in self.counts.items():
                sums = merged.setdefault(prefix[: self.length], [0] * self._outcomes)
                for index, number in enumerate(numbers):
                    sums[index] += number
            self.counts = merged

    @property
    def step(self) -> timedelta:
        """How long a step is."""
        return _STEPS[self._step][1]

    def starts(self) -> dict[datetime, list[int]]:
        """The numbers by the time at which the step starts, in order."""
        tail = _STEPS[self._step][2]
        return {datetime.fromisoformat(prefix + tail): self.counts[prefix] for prefix in sorted(self.counts)}
