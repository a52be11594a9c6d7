"""The data of one zone: record sets by owner and type."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import Final

from resolver.errors import ZoneError
from resolver.wire.constants import CNAME, DNAME, IN, NS, NSEC, NSEC3, RRSIG, SOA
from resolver.wire.names import is_below, parent, to_text
from resolver.wire.records import Record
from resolver.zone.order import sort_key

NSEC3PARAM: Final = 51
_BESIDE_ALIAS: Final = frozenset((CNAME, RRSIG, NSEC, 25))  # RFC 2181 section 10.1, RFC 4034 sections 3 and 4
_WILDCARD: Final = b"\1*"


class RRset:
    """Records of one owner and type: a TTL in seconds, the rdata of each, and of the signatures over them."""

    __slots__ = ("rdatas", "rtype", "signatures", "ttl")

    def __init__(self, rtype: int, ttl: int, rdatas: tuple[bytes, ...], signatures: tuple[bytes, ...] = ()) -> None:
        self.rtype = rtype
        self.ttl = ttl
        self.rdatas = rdatas
        self.signatures = signatures

    def records(self, owner: bytes, *, signed: bool = False) -> list[Record]:
        """The records as those of ``owner``, with their signatures if wanted."""
        rtype, ttl = self.rtype, self.ttl
        found = [Record(owner, rtype, IN, ttl, rdata) for rdata in self.rdatas]
        if signed and self.signatures:
            found += [Record(owner, RRSIG, IN, ttl, rdata) for rdata in self.signatures]
        return found


Node = tuple[RRset, ...]


class Zone:
    """A zone that is complete; made by ``build``. Names are lower-case wire names.

    ``nodes`` holds every name, those too that only have names below them (with nothing). ``cuts`` are the names with NS
    records below the apex, ``redirections`` those with DNAME. ``chain`` are the owners of NSEC records in canonical
    order beside their sort keys.
    """

    __slots__ = ("apex", "chain", "cuts", "has_wildcards", "nodes", "nsec3", "origin", "redirections", "soa")

    def __init__(self, origin: bytes, nodes: dict[bytes, Node]) -> None:
        self.origin = origin
        self.nodes = nodes
        self.apex = nodes[origin]
        self.soa = get(self.apex, SOA) or _no_soa(origin)
        self.cuts: set[bytes] = set()
        self.redirections: set[bytes] = set()
        self.has_wildcards = False
        self.chain: list[tuple[bytes, bytes]] = []
        self.nsec3: Hashed | None = None

    @property
    def serial(self) -> int:
        """The serial number in the SOA record."""
        return int.from_bytes(self.soa.rdatas[0][-20:-16], "big")

    @property
    def is_signed(self) -> bool:
        """Whether the apex is, so that clients may want proofs."""
        return bool(self.soa.signatures)

    def records(self) -> Iterator[Record]:
        """All records, the SOA first (RFC 5936 section 2.2 begins and ends with it)."""
        yield from self.soa.records(self.origin, signed=True)
        for owner, node in self.nodes.items():
            for rrset in node:
                if rrset is not self.soa:
                    yield from rrset.records(owner, signed=True)

    def __len__(self) -> int:
        return sum(len(rrset.rdatas) + len(rrset.signatures) for node in self.nodes.values() for rrset in node)


class Hashed:
    """The NSEC3 records of a zone: how names are hashed, and the hashes in order beside their owners."""

    __slots__ = ("hashes", "iterations", "owners", "salt")

    def __init__(self, iterations: int, salt: bytes, hashed: Iterable[tuple[bytes, bytes]]) -> None:
        ordered = sorted(hashed)
        self.iterations = iterations
        self.salt = salt
        self.hashes = [one for one, _ in ordered]
        self.owners = [owner for _, owner in ordered]

    def covering(self, one: bytes) -> bytes:
        """The owner of the record whose interval the hash falls into, or which it is."""
        return self.owners[bisect_right(self.hashes, one) - 1]


def get(node: Node, rtype: int) -> RRset | None:
    """The record set of a type."""
    for rrset in node:
        if rrset.rtype == rtype:
            return rrset
    return None


def build(origin: bytes, records: Iterable[Record]) -> Zone:
    """A zone of its records, in any order; what is there twice counts once.

    Raises ZoneError where a record is outside of the zone, an alias has other records beside it, or the SOA is missing
    or there twice.
    """
    gathered: dict[bytes, dict[int, tuple[int, dict[bytes, None]]]] = {}
    for owner, rtype, _, ttl, rdata in records:
        owner = owner.lower()
        sets = gathered.get(owner)
        if sets is None:
            if not is_below(owner, origin):
                raise ZoneError(f"{to_text(owner)} is outside of the zone {to_text(origin)}")
            sets = gathered[owner] = {}
        known = sets.get(rtype)
        if known is None:
            sets[rtype] = (ttl, {rdata: None})
        else:
            known[1][rdata] = None
            if ttl < known[0]:
                sets[rtype] = (ttl, known[1])  # RFC 2181 section 5.2 wants them alike; the lowest does no harm
    return _completed(origin, gathered)


def _completed(origin: bytes, gathered: dict[bytes, dict[int, tuple[int, dict[bytes, None]]]]) -> Zone:
    nodes: dict[bytes, Node] = {}
    while gathered:  # what was gathered goes as the nodes grow, so that both never take their memory together
        owner, sets = gathered.popitem()
        nodes[owner] = _node(owner, sets)
    if origin not in nodes:
        _no_soa(origin)
    _add_empty(origin, nodes)
    zone = Zone(origin, nodes)
    if len(zone.soa.rdatas) > 1:
        raise ZoneError(f"the zone {to_text(origin)} has more than one SOA record")
    _index(zone)
    return zone


def _node(owner: bytes, sets: dict[int, tuple[int, dict[bytes, None]]]) -> Node:
    signatures: dict[int, list[bytes]] = {}
    if RRSIG in sets:
        for rdata in sets[RRSIG][1]:
            signatures.setdefault(int.from_bytes(rdata[:2], "big"), []).append(rdata)
    node = tuple(
        RRset(rtype, ttl, tuple(rdatas), tuple(signatures.get(rtype, ())))
        for rtype, (ttl, rdatas) in sets.items()
        if rtype != RRSIG
    )
    if CNAME in sets and (not _BESIDE_ALIAS.issuperset(sets) or len(sets[CNAME][1]) > 1):
        raise ZoneError(f"{to_text(owner)} is an alias and has other records beside it")
    return node


def _add_empty(origin: bytes, nodes: dict[bytes, Node]) -> None:
    """Names that only have names below them exist too (RFC 8020)."""
    missing: dict[bytes, Node] = {}
    for owner in nodes:
        if owner == origin:
            continue
        name = parent(owner)
        while name not in nodes and name not in missing:
            missing[name] = ()
            name = parent(name)
    nodes.update(missing)


def _index(zone: Zone) -> None:
    hashed: list[tuple[bytes, bytes]] = []
    for owner, node in zone.nodes.items():
        if owner.startswith(_WILDCARD):
            zone.has_wildcards = True
        for rrset in node:
            rtype = rrset.rtype
            if rtype == NS and owner != zone.origin:
                zone.cuts.add(owner)
            elif rtype == DNAME:
                zone.redirections.add(owner)
            elif rtype == NSEC:
                zone.chain.append((sort_key(owner), owner))
            elif rtype == NSEC3:
                hashed.append((owner[1 : 1 + owner[0]], owner))
    zone.chain.sort()
    parameters = get(zone.apex, NSEC3PARAM)
    if parameters is not None and hashed:
        rdata = parameters.rdatas[0]
        zone.nsec3 = Hashed(int.from_bytes(rdata[2:4], "big"), rdata[5 : 5 + rdata[4]], hashed)


def _no_soa(origin: bytes) -> RRset:
    raise ZoneError(f"the zone {to_text(origin)} has no SOA record")
