"""Signatures for record sets: kept ones, or new ones that are made once even where many ask at a time."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from resolver.dnssec.keys import Key
from resolver.dnssec.signature import Signable, Validity, sign, signable
from resolver.plugins.dnssec.desk import Desk
from resolver.plugins.dnssec.kept import Kept, Signed
from resolver.plugins.dnssec.metrics import Meters
from resolver.plugins.dnssec.settings import Settings
from resolver.wire.constants import DNSKEY

# Clocks differ by hours where daylight saving is set by hand, hence the start; the rest is CoreDNS' choice.
BEFORE: Final = 3 * 3600
LIFETIME: Final = 8 * 24 * 3600
RENEWED: Final = 2 * 24 * 3600  # before the end

# TTLs of what is passed on vary, signatures must not: validators only see to it that a TTL is not longer than this.
ORIGINAL_TTL: Final = 3600


class Signer:
    """Signs for all zones of a plugin. ``wall`` is the time in seconds since 1970."""

    def __init__(self, settings: Settings, wall: Callable[[], float]) -> None:
        self.kept = Kept(settings.capacity)
        self._wall = wall
        self._all_else = _Hand(settings.signing_keys(dnskey=False))
        self._dnskey = _Hand(settings.signing_keys(dnskey=True))
        self._under_way: dict[bytes, asyncio.Future[Signed]] = {}

    def sign(
        self, owner: bytes, rtype: int, rdatas: Sequence[bytes], zone: bytes, meters: Meters
    ) -> Signed | asyncio.Future[Signed]:
        """Signatures over a set of the zone, or a future of them.

        Raises WireError for rdata that cannot be read, and SigningError when too much waits.
        """
        records = signable(owner, rtype, ORIGINAL_TTL, rdatas, zone)
        key = hashlib.blake2b(zone + records.octets, digest_size=16).digest()
        now = self._wall()
        found = self.kept.get(key)
        if found is not None and found.validity.inception <= now < found.validity.expiration - RENEWED:
            meters.hits.value += 1
            return found
        meters.misses.value += 1
        waited = self._under_way.get(key)
        if waited is not None:
            return waited
        return self._begin(key, records, now)

    def usable(self, signed: Signed) -> float:
        """For how many seconds the signatures may be given out."""
        return signed.validity.expiration - RENEWED - self._wall()

    def close(self) -> None:
        """Make no more."""
        self._all_else.desk.close()
        self._dnskey.desk.close()

    def _begin(self, key: bytes, records: Signable, now: float) -> Signed | asyncio.Future[Signed]:
        hand = self._dnskey if records.rtype == DNSKEY else self._all_else
        validity = Validity(int(now) - BEFORE, int(now) + LIFETIME)
        made = hand.desk.do(partial(_sign, records, hand.keys, validity))
        if isinstance(made, Signed):
            self.kept.put(key, made)
            return made
        self._under_way[key] = made
        made.add_done_callback(partial(self._keep, key))
        return made

    def _keep(self, key: bytes, made: asyncio.Future[Signed]) -> None:
        del self._under_way[key]
        if not made.cancelled() and made.exception() is None:
            self.kept.put(key, made.result())


class _Hand:
    """Some keys and where they sign."""

    __slots__ = ("desk", "keys")

    def __init__(self, keys: Sequence[Key]) -> None:
        self.keys = keys
        self.desk = Desk(slow=not all(key.is_quick for key in keys))


def _sign(records: Signable, keys: Sequence[Key], validity: Validity) -> Signed:
    return Signed(tuple([sign(records, key, validity) for key in keys]), validity)
