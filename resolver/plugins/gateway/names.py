"""All names that are served at present: what objects offer, who may have it, and what becomes of that."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from resolver.plugins.gateway.claims import Claims, Items, Origin, Settled
from resolver.plugins.gateway.hosts import WILDCARD, Refused
from resolver.plugins.gateway.offers import Offer
from resolver.plugins.gateway.table import Table
from resolver.wire.names import ROOT, is_below, suffixes, to_text

MAX_NAMES: Final = 200_000


@dataclass(frozen=True, slots=True)
class Rules:
    """Which names may be claimed, and by whom.

    ``zones`` are those that are served, ``reserved`` names below which the zones have their own; ``others`` are zones
    that somebody else serves where they are longer than ours. ``delegated`` are zones whose names only objects of the
    given namespaces may claim, the longest of them counts.
    """

    zones: frozenset[bytes]
    reserved: frozenset[bytes] = frozenset()
    others: frozenset[bytes] = frozenset()
    delegated: Mapping[bytes, frozenset[str]] | None = None

    def check(self, name: bytes, namespace: str) -> bytes:
        """The zone that the name is in. Raises Refused where the namespace may not have it."""
        zone = next((suffix for suffix in suffixes(name) if suffix in self.zones), None)
        if zone is None:
            raise Refused("outside", f"host {to_text(name)} is in none of the zones")
        if not self.reserved.isdisjoint(suffixes(name)):
            raise Refused("reserved", f"host {to_text(name)} is the zone's own")
        if any(suffix in self.others and len(suffix) > len(zone) for suffix in suffixes(name)):
            raise Refused("reserved", f"host {to_text(name)} is a name of the cluster")
        allowed = self._allowed(name)
        if allowed is not None and namespace not in allowed:
            raise Refused("undelegated", f"host {to_text(name)} may not be claimed from namespace {namespace}")
        return zone

    def _allowed(self, name: bytes) -> frozenset[str] | None:
        if not self.delegated:
            return None
        if name.startswith(WILDCARD):
            name = name[2:]
        return next((self.delegated[suffix] for suffix in suffixes(name) if suffix in self.delegated), None)


class Names:
    """The table of names, kept like the offers. Each change withdraws the answers that it makes untrue.

    ``withdraw`` is told of tags: an entry of the table for what is answered from it, ``shape`` with each change for
    what else this says about names, ``arrivals`` for what others say, when there is a new name. ``skipped`` is told
    what was left out, ``disputed`` of names that not everybody got. Records without a TTL get ``ttl``.
    """

    def __init__(
        self,
        rules: Rules,
        ttl: int,
        withdraw: Callable[[Hashable], None],
        skipped: Callable[[Origin, Refused], None] = lambda origin, refused: None,
        disputed: Callable[[bytes, Settled], None] = lambda name, settled: None,
        now: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.rules = rules
        self.table = Table()
        self.shape = object()
        self.arrivals = object()
        self.serial = int(now())
        self.disputes: dict[bytes, Settled] = {}
        self.zone_sizes = dict.fromkeys(rules.zones, 0)
        self._ttl = ttl
        self._withdraw = withdraw
        self._skipped = skipped
        self._disputed = disputed
        self._now = now
        self._claims = Claims()
        self._origins: dict[tuple[str, str], Origin] = {}

    def take(self, kind: str, key: str, offer: Offer | None) -> None:
        """Serve what an object offers now, and no longer what it did before; None is for an object that is gone."""
        changed: set[bytes] = set()
        before = self._origins.pop((kind, key), None)
        if before is not None and (offer is None or offer.origin != before):
            changed |= self._claims.put(before, {})
        if offer is not None:
            self._origins[kind, key] = offer.origin
            changed |= self._claims.put(offer.origin, self._admitted(offer))
        if changed:
            self._settle(changed)

    @property
    def objects(self) -> Iterator[str]:
        """The kind of each object that offers something."""
        return (kind for kind, _ in self._origins)

    def note_skipped(self, origin: Origin, skipped: Iterable[Refused]) -> None:
        """Tell what of an object was left out."""
        for refused in skipped:
            self._skipped(origin, refused)

    def _admitted(self, offer: Offer) -> dict[bytes, Items]:
        """The names of an offer that it may have, with TTLs filled in."""
        self.note_skipped(offer.origin, offer.skipped)
        found: dict[bytes, Items] = {}
        filled: dict[Items, Items] = {}
        for name, items in offer.wanted.items():
            try:
                self.rules.check(name, offer.origin.namespace)
                if len(self.table.entries) >= MAX_NAMES and name not in self.table.entries:
                    raise Refused("limit", f"there are more than {MAX_NAMES} names")
            except Refused as refused:
                self._skipped(offer.origin, refused)
                continue
            if items not in filled:
                filled[items] = tuple([item if item.ttl >= 0 else item._replace(ttl=self._ttl) for item in items])
            found[name] = filled[items]
        return found

    def _settle(self, names: Iterable[bytes]) -> None:
        different = arrived = False
        for name in names:
            settled = self._claims.settle(name)
            self._note_dispute(name, settled)
            entry = self.table.entries.get(name)
            if settled.items == (entry.items if entry is not None else ()):
                continue
            different = True
            self.table.put(name, settled.items)
            if entry is None:
                arrived = True
                self._count(name, 1)
                continue
            if not settled.items:
                self._count(name, -1)
            self._withdraw(entry)
        if different:
            self.serial = max(self.serial, int(self._now()))
            self._withdraw(self.shape)
        if arrived:
            self._withdraw(self.arrivals)

    def _note_dispute(self, name: bytes, settled: Settled) -> None:
        if not settled.losers:
            self.disputes.pop(name, None)
            return
        known = self.disputes.get(name)
        self.disputes[name] = settled
        if known is None or (known.holders, known.losers) != (settled.holders, settled.losers):
            self._disputed(name, settled)

    def _count(self, name: bytes, change: int) -> None:
        zone = next((suffix for suffix in suffixes(name) if suffix in self.zone_sizes), ROOT)
        self.zone_sizes[zone] = self.zone_sizes.get(zone, 0) + change


def reserved_names(zones: Iterable[bytes], apex: bytes) -> frozenset[bytes]:
    """The names below which zones have their own name server; ``apex`` is relative to a zone and without the root."""
    return frozenset(apex + zone for zone in zones if zone != ROOT)


def is_within(name: bytes, zones: Iterable[bytes]) -> bool:
    """Whether the name is in one of the zones; all in lower case."""
    return any(zone == ROOT or is_below(name, zone) for zone in zones)
