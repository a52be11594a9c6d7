"""A zone that is served: the names that stand in it without any service, and its denials as ready octets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from resolver.kube.start import Start
from resolver.kube.zones import Zones
from resolver.wire.names import ROOT, is_below
from resolver.wire.records import Body

_LONGEST_SOA_TTL: Final = 300

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


class ServedZones(Zones[Zone]):
    """The zones of the directive. A name that ends in the services of a ``plain`` one needs no second look."""

    def __init__(self, zones: Iterable[Zone]) -> None:
        super().__init__(zones)
        names = [zone.name for zone in self]
        self.plain = tuple(zone for zone in self if not (zone.multicluster or _holds_another(zone, names)))


def _holds_another(zone: Zone, names: Iterable[bytes]) -> bool:
    return any(is_below(other, zone.services) for other in names)
