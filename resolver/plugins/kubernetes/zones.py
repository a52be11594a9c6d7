"""A zone that is served: the names that stand in it without any service, and its denials as ready octets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from resolver.kube.start import Start
from resolver.wire.names import ROOT, is_below, suffixes
from resolver.wire.records import Body

_LONGEST_SOA_TTL: Final = 300
_FEW: Final = 16  # up to so many endings are compared faster than a name is taken apart

SERVICES: Final = b"\3svc"
PODS: Final = b"\3pod"


class Zone:
    """A zone and what goes with its name. ``multicluster`` zones hold ServiceImports instead of Services."""

    def __init__(self, name: bytes, ttl: int, *, multicluster: bool) -> None:
        self.name = name
        self.ttl = ttl
        self.multicluster = multicluster
        self.services = SERVICES + name
        self.pods = PODS + name
        self.before_services = -len(self.services)
        self.nameserver = b"\2ns\3dns" + name
        self.nameservers = b"\3dns" + name
        self.version = b"\x0bdns-version" + name
        self.own_names = (self.nameserver, self.nameservers, self.version)
        self._start = Start(b"\2ns\3dns", b"\x0ahostmaster", min(ttl, _LONGEST_SOA_TTL), ttl)

    def authority(self, name: bytes, serial: int) -> Body:
        """The SOA record as authority section behind a question for a name of the zone."""
        return self._start.authority(None if self.name == ROOT else len(name) - len(self.name), serial)

    def soa(self, serial: int) -> Body:
        """The SOA record as the answer to a question for it."""
        return self._start.answer(None if self.name == ROOT else 0, serial)


class Zones:
    """Finds the zone of a name: the longest one that the name is in."""

    def __init__(self, zones: Iterable[Zone]) -> None:
        self._zones = {zone.name: zone for zone in zones}
        self._names = tuple(self._zones)
        self._endings = self._names if len(self._names) <= _FEW else (b"",)
        # Zones in which a name that ends in their services needs no second look.
        self.plain = tuple(zone for zone in self._zones.values() if self._is_plain(zone))

    def find(self, name: bytes) -> Zone | None:
        """The zone of a name in lower case, None outside of all."""
        if not name.endswith(self._endings):
            return None
        zones = self._zones
        for suffix in suffixes(name):
            zone = zones.get(suffix)
            if zone is not None:
                return zone
        return None

    def __iter__(self) -> Iterator[Zone]:
        return iter(self._zones.values())

    def _is_plain(self, zone: Zone) -> bool:
        nested = any(is_below(other, zone.services) for other in self._names)
        return not (zone.multicluster or nested)
