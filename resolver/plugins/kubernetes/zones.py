"""A zone that is served: the names that stand in it without any service, and its denials as ready octets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

from resolver.wire.constants import HEADER_SIZE, IN, SOA
from resolver.wire.names import ROOT, is_below, suffixes
from resolver.wire.records import Body

_FIXED = Struct("!HHIH")
_NUMBERS = Struct("!IIIII")
_REFRESH, _RETRY, _EXPIRE = 7200, 1800, 86400
_LONGEST_SOA_TTL: Final = 300
_TTL_BEHIND_OWNER: Final = 4
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
        self._serial = -1
        self._authorities: dict[int, Body] = {}

    def authority(self, name: bytes, serial: int) -> Body:
        """The SOA record as authority section behind a question for a name of the zone."""
        if serial != self._serial:
            self._serial = serial
            self._authorities.clear()
        found = self._authorities.get(len(name))
        if found is None:
            found = self._authorities[len(name)] = Body(0, 1, 0, *self._soa(len(name), serial))
        return found

    def soa(self, serial: int) -> Body:
        """The SOA record as the answer to a question for it."""
        return Body(1, 0, 0, *self._soa(len(self.name), serial))

    def _soa(self, length: int, serial: int) -> tuple[bytes, tuple[int, ...]]:
        """Owner and names point into the question, whose name has that length and ends in the zone's."""
        owner = ROOT
        if self.name != ROOT:
            owner = (0xC000 | HEADER_SIZE + length - len(self.name)).to_bytes(2, "big")
        numbers = _NUMBERS.pack(serial & 0xFFFFFFFF, _REFRESH, _RETRY, _EXPIRE, self.ttl)
        rdata = b"\2ns\3dns" + owner + b"\x0ahostmaster" + owner + numbers
        fixed = _FIXED.pack(SOA, IN, min(self.ttl, _LONGEST_SOA_TTL), len(rdata))
        return owner + fixed + rdata, (len(owner) + _TTL_BEHIND_OWNER,)


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
