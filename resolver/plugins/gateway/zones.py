"""The zones that are served: their own records, and denials as ready octets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import Struct
from typing import Final

from resolver.wire.constants import HEADER_SIZE, IN, NS, SOA
from resolver.wire.names import ROOT, suffixes
from resolver.wire.records import Body, Record, encode

REFRESH, RETRY, EXPIRE = 7200, 1800, 86400  # seconds
_FIXED = Struct("!HHIH")
_NUMBERS = Struct("!IIIII")
_TTL_BEHIND_OWNER: Final = 4
_NAMESERVER: Final = b"\3ns1"


class Zone:
    """A zone: ``apex`` is the name below which its name server and mailbox are; ``ttl`` is in seconds.

    The root is never served as a zone: there each name is one of its own, without anything around it.
    """

    def __init__(self, name: bytes, apex: bytes, hostmaster: bytes, ttl: int) -> None:
        self.name = name
        self.apex = apex + name
        self.nameserver = _NAMESERVER + self.apex
        self.is_root = name == ROOT
        self.ttl = ttl
        self._labels = _NAMESERVER + apex, hostmaster + apex
        self._serial = -1
        self._authorities: dict[int, Body] = {}

    def authority(self, name: bytes, serial: int) -> Body:
        """The SOA record as authority section behind a question for a name of the zone."""
        if serial != self._serial:
            self._serial = serial
            self._authorities.clear()
        found = self._authorities.get(len(name))
        if found is None:
            found = self._authorities[len(name)] = Body(0, 1, 0, *self._soa(name, serial))
        return found

    def soa(self, serial: int) -> Body:
        """The SOA record as the answer to a question for it."""
        return Body(1, 0, 0, *self._soa(self.name, serial))

    def ns(self, qname: bytes, glue: Sequence[Record]) -> Body:
        """The NS record as the answer to a question for it, with the addresses of the name server."""
        return encode(qname, [Record(qname, NS, IN, self.ttl, self.nameserver)], additional=glue)

    def _soa(self, name: bytes, serial: int) -> tuple[bytes, tuple[int, ...]]:
        """Owner and names point into the question, whose name is ``name`` and ends in the zone's (RFC 1035 4.1.4)."""
        above = 0 if self.is_root else len(name) - len(self.name)
        owner = (0xC000 | HEADER_SIZE + above).to_bytes(2, "big") if name != ROOT else ROOT
        numbers = _NUMBERS.pack(serial & 0xFFFFFFFF, REFRESH, RETRY, EXPIRE, self.ttl)
        primary, mailbox = self._labels
        rdata = primary + owner + mailbox + owner + numbers
        return owner + _FIXED.pack(SOA, IN, self.ttl, len(rdata)) + rdata, (len(owner) + _TTL_BEHIND_OWNER,)


class Zones:
    """Finds the zone of a name: the longest one that the name is in."""

    def __init__(self, zones: Iterable[Zone]) -> None:
        self._zones = {zone.name: zone for zone in zones}
        self._names = tuple(self._zones)

    def find(self, name: bytes) -> Zone | None:
        """The zone of a name in lower case, None outside of all."""
        if not name.endswith(self._names):
            return None
        zones = self._zones
        for suffix in suffixes(name):
            zone = zones.get(suffix)
            if zone is not None:
                return zone
        return None
