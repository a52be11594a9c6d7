"""The SOA record of a zone that is made up from the cluster, as ready octets."""

from __future__ import annotations

from struct import Struct
from typing import Final

from resolver.wire.constants import HEADER_SIZE, IN, SOA
from resolver.wire.names import ROOT
from resolver.wire.records import Body

REFRESH, RETRY, EXPIRE = 7200, 1800, 86400  # seconds
_FIXED = Struct("!HHIH")
_NUMBERS = Struct("!IIIII")
_TTL_BEHIND_OWNER: Final = 4


class Start:
    """Makes the record behind any question, where it points to the zone's name (RFC 1035 section 4.1.4).

    ``primary`` and ``mailbox`` are the labels before the zone's name; ``ttl`` and ``minimum`` are in seconds. Questions
    say at which octet of their name the zone begins, None where the zone is the root.
    """

    def __init__(self, primary: bytes, mailbox: bytes, ttl: int, minimum: int) -> None:
        self._primary = primary
        self._mailbox = mailbox
        self._ttl = ttl
        self._minimum = minimum
        self._serial = -1
        self._authorities: dict[int | None, Body] = {}

    def authority(self, at: int | None, serial: int) -> Body:
        """The record as authority section."""
        if serial != self._serial:
            self._serial = serial
            self._authorities.clear()
        found = self._authorities.get(at)
        if found is None:
            found = self._authorities[at] = Body(0, 1, 0, *self._record(at, serial))
        return found

    def answer(self, at: int | None, serial: int) -> Body:
        """The record as the answer to a question for it."""
        return Body(1, 0, 0, *self._record(at, serial))

    def _record(self, at: int | None, serial: int) -> tuple[bytes, tuple[int, ...]]:
        owner = ROOT if at is None else (0xC000 | HEADER_SIZE + at).to_bytes(2, "big")
        numbers = _NUMBERS.pack(serial & 0xFFFFFFFF, REFRESH, RETRY, EXPIRE, self._minimum)
        rdata = self._primary + owner + self._mailbox + owner + numbers
        return owner + _FIXED.pack(SOA, IN, self._ttl, len(rdata)) + rdata, (len(owner) + _TTL_BEHIND_OWNER,)
