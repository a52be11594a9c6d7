"""Signatures that were made, so that each is made once."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, NamedTuple

from resolver.dnssec.signature import Validity

_PROVEN_SHARE: Final = 0.8


class Signed(NamedTuple):
    """The rdata of RRSIG records for one record set, one a key, and when they are valid."""

    rrsigs: tuple[bytes, ...]
    validity: Validity


class Kept:
    """At most ``capacity`` record sets' signatures.

    Those that were used again have their own share, so that the denials of names that somebody makes up, which nobody
    asks for twice, push out only one another.
    """

    __slots__ = ("_new", "_proven", "capacity")

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._new: OrderedDict[bytes, Signed] = OrderedDict()
        self._proven: OrderedDict[bytes, Signed] = OrderedDict()

    def __len__(self) -> int:
        return len(self._new) + len(self._proven)

    def get(self, key: bytes) -> Signed | None:
        """The signatures of the set that was kept under this key."""
        found = self._proven.get(key)
        if found is not None:
            self._proven.move_to_end(key)
            return found
        found = self._new.pop(key, None)
        if found is not None:
            self._promote(key, found)
        return found

    def put(self, key: bytes, signed: Signed) -> None:
        """Keep signatures; what has not been used for longest gives way."""
        if key in self._proven:
            self._proven[key] = signed
            return
        self._new[key] = signed
        while len(self) > self.capacity:
            (self._new or self._proven).popitem(last=False)

    def _promote(self, key: bytes, signed: Signed) -> None:
        self._proven[key] = signed
        while len(self._proven) > int(self.capacity * _PROVEN_SHARE):
            demoted, oldest = self._proven.popitem(last=False)
            self._new[demoted] = oldest
