"""Which ``forward`` lines of a block take a name, and in which order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from resolver.wire.names import ROOT, suffixes


class Scope(Protocol):
    """What a line takes: names below its zones, without those below the excepted ones; lower-case wire names."""

    @property
    def zones(self) -> tuple[bytes, ...]: ...

    @property
    def excepted(self) -> tuple[bytes, ...]: ...


T = TypeVar("T")
_NONE: frozenset[bytes] = frozenset()


class Router(Generic[T]):
    """Finds lines by name at a cost that does not depend on how many there are."""

    def __init__(self, lines: Sequence[tuple[Scope, T]], *, longest: bool) -> None:
        self._longest = longest
        self._lines = [line for _, line in lines]
        self._excepted: list[frozenset[bytes]] = []
        self._by_zone: dict[bytes, list[int]] = {}
        takes_all = len(lines) == 1 and lines[0][0].zones == (ROOT,) and not lines[0][0].excepted
        self._always: Sequence[T] | None = self._lines if takes_all else None
        if takes_all:
            return
        for number, (scope, _) in enumerate(lines):
            self._excepted.append(frozenset(scope.excepted) if scope.excepted else _NONE)
            for zone in scope.zones:
                self._by_zone.setdefault(zone, []).append(number)

    def lines(self, name: bytes) -> Sequence[T]:
        """The lines that take the lower-case wire name, first to ask first.

        That is the order of the file, or with ``longest`` those of longer zones in front. A line never excepts its
        own zone.
        """
        if self._always is not None:
            return self._always
        parents = list(suffixes(name))
        found: dict[int, None] = {}
        for zone in parents:
            for number in self._by_zone.get(zone, ()):
                if zone == name or self._excepted[number].isdisjoint(parents):
                    found.setdefault(number)
        return [self._lines[number] for number in (found if self._longest else sorted(found))]


NOWHERE: Router[Any] = Router([], longest=False)
