"""How long connections may wait and how much they may hold. Pure: no clock, no loop."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

Item = TypeVar("Item", bound=Hashable)


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """Bounds of a stream connection that no option sets.

    ``in_flight`` is how many queries may wait for their answers before reading pauses; ``burst`` how many are served in
    one turn of the loop, for others want theirs too; ``write_buffer`` how many octets may wait for the client;
    ``answer_timeout`` how many seconds may pass without any answer leaving while some are due.
    """

    in_flight: int = 100
    burst: int = 64
    write_buffer: int = 256 << 10
    answer_timeout: float = 30.0


NO_WAIT: Final = ""


class Waiting(Generic[Item]):
    """Who waits for what, and since when.

    All waits for the same thing may last equally long, so the first in a line is the first to be late: a line is a
    dictionary in order of entry, and one timer does for all. ``limits`` gives seconds per line; 0 is no limit.
    """

    def __init__(self, limits: Mapping[str, float]) -> None:
        self.limits = dict(limits)
        self._lines: dict[str, dict[Item, float]] = {line: {} for line in limits}

    def move(self, item: Item, old: str, new: str, now: float) -> None:
        """Take the item out of one line and put it at the end of another or the same; NO_WAIT is no line."""
        if old:
            self._lines[old].pop(item, None)
        if new:
            self._lines[new][item] = now

    def first(self, line: str) -> Item | None:
        """Who has waited longest in the line."""
        return next(iter(self._lines[line]), None)

    def find(self, line: str, fits: Callable[[Item], bool]) -> Item | None:
        """Who of those that fit has waited longest in the line."""
        return next(filter(fits, self._lines[line]), None)

    def count(self, line: str) -> int:
        """How many wait in the line."""
        return len(self._lines[line])

    def late(self, now: float) -> list[tuple[str, Item]]:
        """Everybody whose time is over, with what they wait for; they stay in line until moved."""
        found = []
        for line, since in self._lines.items():
            limit = self.limits[line]
            for item, begun in since.items():
                if not limit or now - begun < limit:
                    break
                found.append((line, item))
        return found

    def next_late(self) -> float | None:
        """When the next one will be late, None while nobody can be."""
        times = [
            since[next(iter(since))] + self.limits[line]
            for line, since in self._lines.items()
            if since and self.limits[line]
        ]
        return min(times, default=None)
