"""Who may have a name that several objects claim.

A name belongs to the namespace of the oldest object that claims it, so that nobody can take over what is in use. Within
that namespace a DNSEndpoint comes before a Service, a Service before an Ingress, an Ingress before a route; objects of
the same rank share the name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from resolver.plugins.gateway.table import Item
from resolver.wire.constants import AAAA, CNAME, A

RANKS: Final = {
    "dnsendpoint": 0,
    "service": 1,
    "nodeport": 1,
    "ingress": 2,
    "httproute": 3,
    "grpcroute": 3,
    "tlsroute": 3,
}

MAX_RECORDS: Final = 1500  # at one name

Items = tuple[Item, ...]


class Origin(NamedTuple):
    """The object behind a claim. Sorts by age; ``created`` is in seconds since 1970."""

    created: float
    namespace: str
    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


class Settled(NamedTuple):
    """What a name has in the end, the objects that it comes from, and those that go without."""

    items: Items
    holders: tuple[Origin, ...]
    losers: tuple[Origin, ...]


class Claims:
    """All claims, by object and by name. Names are lower-case wire names."""

    def __init__(self) -> None:
        self._by_object: dict[Origin, Mapping[bytes, Items]] = {}
        self._by_name: dict[bytes, dict[Origin, Items]] = {}

    def put(self, origin: Origin, wanted: Mapping[bytes, Items]) -> set[bytes]:
        """Take what an object claims now in place of what it did; the names for which that makes a difference."""
        before = self._by_object.get(origin, {})
        if wanted == before:
            return set()
        changed = {name for name in (*before, *wanted) if before.get(name) != wanted.get(name)}
        for name in changed:
            if name in wanted:
                self._by_name.setdefault(name, {})[origin] = wanted[name]
            else:
                self._drop(name, origin)
        if wanted:
            self._by_object[origin] = wanted
        else:
            self._by_object.pop(origin, None)
        return changed

    def settle(self, name: bytes) -> Settled:
        """Who has the name, and what is served at it."""
        claims = self._by_name.get(name)
        return settle(claims) if claims else Settled((), (), ())

    def _drop(self, name: bytes, origin: Origin) -> None:
        claims = self._by_name[name]
        del claims[origin]
        if not claims:
            del self._by_name[name]


def settle(claims: Mapping[Origin, Items]) -> Settled:
    """The outcome for one name with at least one claim; those who want what it has anyway do not lose."""
    if len(claims) == 1:
        ((origin, items),) = claims.items()
        return Settled(together(items), (origin,), ())
    oldest = min(claims)
    family = [origin for origin in claims if origin.namespace == oldest.namespace]
    rank = min(RANKS[origin.kind] for origin in family)
    holders = tuple(sorted(origin for origin in family if RANKS[origin.kind] == rank))
    items = together(item for origin in holders for item in claims[origin])
    have = {(item.type, item.rdata) for item in items}
    losers = [origin for origin, wanted in claims.items() if not {(item.type, item.rdata) for item in wanted} <= have]
    return Settled(items, holders, tuple(sorted(losers)))


def together(items: Iterable[Item]) -> Items:
    """Records that may stand at one name: none twice, one TTL a type (RFC 2181 section 5.2), no alias beside others.

    Of an alias and addresses the addresses stay, of an alias and anything else the alias, of two aliases the first. Of
    more records than fit a message the first ones stay.
    """
    kept: dict[tuple[int, bytes], Item] = {}
    for item in items:
        if len(kept) == MAX_RECORDS:
            break
        kept.setdefault((item.type, item.rdata), item)
    types = {item.type for item in kept.values()}
    alias = CNAME in types and not types & {A, AAAA}
    chosen = [item for item in kept.values() if (item.type == CNAME) == alias]
    if alias:
        return (chosen[0],)
    ttls = {rtype: min(item.ttl for item in chosen if item.type == rtype) for rtype in types - {CNAME}}
    return tuple(Item(item.type, ttls[item.type], item.rdata) for item in chosen)
