"""Finding the zone of a name among those that a directive serves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Generic, Protocol, TypeVar

from resolver.wire.names import suffixes

_FEW: Final = 16  # up to so many endings are compared faster than a name is taken apart


class Named(Protocol):
    """A zone with its lower-case wire name."""

    name: bytes


Z = TypeVar("Z", bound=Named)


class Zones(Generic[Z]):
    """Zones by name; the longest one that a name is in counts."""

    def __init__(self, zones: Iterable[Z]) -> None:
        self._zones = {zone.name: zone for zone in zones}
        self._endings = tuple(self._zones) if len(self._zones) <= _FEW else (b"",)

    def find(self, name: bytes) -> Z | None:
        """The zone of a name in lower case, None outside of all."""
        if not name.endswith(self._endings):
            return None
        zones = self._zones
        for suffix in suffixes(name):
            zone = zones.get(suffix)
            if zone is not None:
                return zone
        return None

    def __iter__(self) -> Iterator[Z]:
        return iter(self._zones.values())
