"""Token buckets in a table that never grows beyond its size."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

_SAMPLE: Final = 999  # buckets that are looked at to find out which half is the lighter one
_ROUNDING: Final = 1e-9  # seconds


class Buckets:
    """One number for each key: the moment at which its bucket is full again.

    A bucket that is full is as good as one that is not there. So when the table holds ``size`` keys those go first, and
    if more than half are left, the fullest of them: whoever asks most is forgotten last, and a flood from a million
    addresses with a query each takes the places of others like it.
    """

    __slots__ = ("_full_at", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self._full_at: dict[Hashable, float] = {}

    def take(self, key: Hashable, now: float, interval: float, depth: float, debt: float = 0.0) -> bool:
        """Take a token, where there is one; one comes back every ``interval`` seconds.

        ``depth`` is how many seconds it takes to fill an empty bucket. With ``debt``, what is refused is taken too,
        until as many seconds are owed. ``now`` is in seconds and never goes back.
        """
        table = self._full_at
        full_at = table.get(key, 0.0)
        full_at = (full_at if full_at > now else now) + interval
        if full_at - now > depth + _ROUNDING:
            if debt:
                table[key] = min(full_at, now + depth + debt)
            return False
        table[key] = full_at
        if len(table) > self.size:
            self._let_go(now)
        return True

    def lacks(self, key: Hashable, now: float, interval: float, depth: float) -> bool:
        """Whether ``take`` would refuse; nothing is taken."""
        return max(self._full_at.get(key, 0.0), now) + interval - now > depth + _ROUNDING

    def __len__(self) -> int:
        return len(self._full_at)

    def _let_go(self, now: float) -> None:
        kept = {key: full_at for key, full_at in self._full_at.items() if full_at > now}
        most = self.size // 2
        while len(kept) > most:
            moments = list(kept.values())
            sample = sorted(moments[:: len(moments) // _SAMPLE + 1])
            middle = sample[len(sample) // 2]
            kept = {key: full_at for key, full_at in kept.items() if full_at > middle}
        self._full_at = kept


class FirstOfSecond:
    """Tells what happens to a key for the first time within a second, for at most ``limit`` keys a second."""

    __slots__ = ("_limit", "_second", "_seen")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._second = 0
        self._seen: set[Hashable] = set()

    def __call__(self, key: Hashable, now: float) -> bool:
        """Whether it is the first time."""
        second = int(now)
        if second != self._second:
            self._second = second
            self._seen.clear()
        if key in self._seen or len(self._seen) >= self._limit:
            return False
        self._seen.add(key)
        return True
