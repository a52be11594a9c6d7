"""How often answers were replayed, counted in one integer and told to the metrics when somebody reads them."""

from __future__ import annotations

from collections.abc import Callable

Counts = tuple[Callable[[int], None], ...]


class Tally:
    """Replays not told yet. Answers that count the same way share one."""

    __slots__ = ("counts", "hits", "seen")

    def __init__(self, counts: Counts, seen: list[int] | None = None) -> None:
        self.hits = 0
        self.counts = counts
        self.seen = seen

    def fold(self) -> None:
        """Tell everybody who counts, and start again from zero."""
        hits = self.hits
        if hits:
            self.hits = 0
            if self.seen is not None:
                self.seen[0] += hits
            for count in self.counts:
                count(hits)
