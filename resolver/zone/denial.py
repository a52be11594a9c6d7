"""Proofs that something is not there: NSEC (RFC 4035 section 3.1.3) and NSEC3 (RFC 5155 section 7.2)."""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_right
from typing import Final

from resolver.wire.constants import NSEC, NSEC3
from resolver.wire.names import parent
from resolver.wire.records import Record
from resolver.zone.data import Zone, get
from resolver.zone.order import sort_key

_TO_HEX_ALPHABET: Final = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghijklmnopqrstuv")


class Proofs:
    """Collects the records that an answer needs, each once."""

    __slots__ = ("_owners", "_zone")

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._owners: dict[bytes, None] = {}

    def records(self) -> list[Record]:
        """The records with their signatures."""
        rtype = NSEC if self._zone.chain else NSEC3
        found: list[Record] = []
        for owner in self._owners:
            rrset = get(self._zone.nodes.get(owner, ()), rtype)
            if rrset is not None:
                found += rrset.records(owner, signed=True)
        return found

    def no_data(self, name: bytes) -> None:
        """The name exists and has no such records; a name without records lies between two that have some."""
        zone = self._zone
        if zone.chain:
            self._owners[self._covering(name)] = None
        elif zone.nsec3 is not None:
            owner = self._hashed(name)
            if owner in zone.nodes:
                self._owners[owner] = None
            else:  # below an opt-out: nearest name that is there, and what lies between (section 7.2.4)
                self._closest(name)

    def no_data_of_wildcard(self, wildcard: bytes) -> None:
        """The wildcard that a name would be made from has no such records (RFC 5155 section 7.2.5)."""
        self.no_data(wildcard)
        if self._zone.nsec3 is not None:
            self._owners[self._hashed(parent(wildcard))] = None

    def no_name(self, name: bytes, encloser: bytes, wildcard: bytes) -> None:
        """The name does not exist, and neither does ``wildcard`` where that is not empty; ``encloser`` does."""
        zone = self._zone
        if zone.chain:
            self._owners[self._covering(name)] = None
            if wildcard:
                self._owners[self._covering(wildcard)] = None
        elif zone.nsec3 is not None:
            if wildcard:
                self._owners[self._hashed(encloser)] = None
            self._owners[self._hashed_cover(_child(name, encloser))] = None
            if wildcard:
                self._owners[self._hashed_cover(wildcard)] = None

    def _covering(self, name: bytes) -> bytes:
        chain = self._zone.chain
        at = bisect_right(chain, (sort_key(name) + b"\0", b""))
        return chain[at - 1][1]

    def _closest(self, name: bytes) -> None:
        nodes = self._zone.nodes
        child, encloser = name, parent(name)
        while self._hashed(encloser) not in nodes and encloser != self._zone.origin:
            child, encloser = encloser, parent(encloser)
        self._owners[self._hashed(encloser)] = None
        self._owners[self._hashed_cover(child)] = None

    def _hashed(self, name: bytes) -> bytes:
        """The owner of the record that stands for a name."""
        digits = self._digits(name)
        return bytes((len(digits),)) + digits + self._zone.origin

    def _hashed_cover(self, name: bytes) -> bytes:
        hashed = self._zone.nsec3
        return b"" if hashed is None else hashed.covering(self._digits(name))

    def _digits(self, name: bytes) -> bytes:
        hashed = self._zone.nsec3
        iterations, salt = (0, b"") if hashed is None else (hashed.iterations, hashed.salt)
        return nsec3_digits(name, iterations, salt)


def nsec3_digits(name: bytes, iterations: int, salt: bytes) -> bytes:
    """The hash of a lower-case wire name in base32 with the hexadecimal alphabet (RFC 5155 section 5), lower case."""
    digest = hashlib.sha1(name + salt, usedforsecurity=False).digest()
    for _ in range(iterations):
        digest = hashlib.sha1(digest + salt, usedforsecurity=False).digest()
    return base64.b32encode(digest).translate(_TO_HEX_ALPHABET)


def _child(name: bytes, encloser: bytes) -> bytes:
    """The name one label longer than the encloser, on the way to ``name``."""
    while parent(name) != encloser:
        name = parent(name)
    return name
