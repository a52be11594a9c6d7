"""How often answers were replayed, counted in one integer and told to the metrics when somebody reads them."""

from __future__ import annotations

from collections.abc import Callable, Hashable

from resolver.chain.reply import Replay

Counts = tuple[Callable[[int], None], ...]


class Tally:
    """Replays not told yet. Answers that count the same way share one; ``users`` is how many do."""

    __slots__ = ("counts", "hits", "key", "seen", "users")

    def __init__(self, key: Hashable, counts: Counts, seen: list[int] | None = None) -> None:
        self.hits = 0
        self.users = 0
        self.key = key
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


class Tallies:
    """The tallies that answers use now; one that nobody uses any more has been told and is forgotten."""

    def __init__(self) -> None:
        self._tallies: dict[Hashable, Tally] = {}

    def take(self, leave: Replay) -> Tally:
        """The tally for an answer with that leave, which uses it from now on."""
        key: Hashable = leave.counts if leave.seen is None else (id(leave.seen), leave.counts)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = Tally(key, leave.counts, leave.seen)
        tally.users += 1
        return tally

    def give_back(self, tally: Tally) -> None:
        """An answer does not use the tally any more."""
        tally.users -= 1
        if tally.seen is not None or not tally.users:
            tally.fold()
        if not tally.users:
            del self._tallies[tally.key]

    def fold(self) -> None:
        """Tell everybody who counts."""
        for tally in list(self._tallies.values()):
            tally.fold()

    def clear(self) -> None:
        """Tell everybody who counts, and forget all tallies: no answer is left that uses one."""
        self.fold()
        self._tallies.clear()

    def __len__(self) -> int:
        return len(self._tallies)
