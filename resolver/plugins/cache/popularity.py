"""How often answers are asked for, as far as prefetching wants to know."""

from __future__ import annotations


class _Use:
    __slots__ = ("count", "last", "replays")

    def __init__(self) -> None:
        self.count = 0
        self.last = float("-inf")
        self.replays = [0]


class Popularity:
    """Queries per key that came without a gap of ``gap`` seconds or more between two of them."""

    def __init__(self, gap: float) -> None:
        self.gap = gap
        self._uses: dict[bytes, _Use] = {}

    def note(self, key: bytes, now: float) -> tuple[int, list[int]]:
        """Count a query; how many there were, and the list in which the answer's replays are to be counted.

        Replays are told late and without their times; the leave for them ends within a gap, so they count as one
        unbroken row up to its end.
        """
        use = self._uses.get(key)
        if use is None:
            use = self._uses[key] = _Use()
        replays, use.replays[0] = use.replays[0], 0
        longest = 2 * self.gap if replays else self.gap
        use.count = 1 if now - use.last > longest else use.count + replays + 1
        use.last = now
        return use.count, use.replays

    def forget(self, key: bytes) -> None:
        """The answer is gone, or a new one was fetched because somebody had to wait for it."""
        self._uses.pop(key, None)

    def __len__(self) -> int:
        return len(self._uses)
