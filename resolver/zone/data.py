"""The data of one zone: record sets by owner and type."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterable, Iterator
from heapq import merge
from typing import Final

from resolver.errors import ZoneError
from resolver.wire.constants import CNAME, DNAME, IN, NS, NSEC, NSEC3, RRSIG, SOA
from resolver.wire.names import is_below, parent, to_text
from resolver.wire.records import Record
from resolver.zone.order import sort_key

NSEC3PARAM: Final = 51
_BESIDE_ALIAS: Final = frozenset((CNAME, RRSIG, NSEC, 25))  # RFC 2181 section 10.1, RFC 4034 sections 3 and 4
_WILDCARD: Final = b"\1*"
_STEP: Final = 100  # records between two turns, which take some microseconds each
_RUN: Final = 1000
_Raw = tuple[int, int, bytes]


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
    """The NSEC3 records of a zone: how names are hashed, and the hashes beside their owners, in the order given."""

    __slots__ = ("hashes", "iterations", "owners", "salt")

    def __init__(self, iterations: int, salt: bytes, hashed: Iterable[tuple[bytes, bytes]]) -> None:
        ordered = list(hashed)
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
    steps = building(origin, records)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            zone: Zone = stop.value
            return zone


def building(
    origin: bytes,
    records: Iterable[Record],
    previous: Zone | None = None,
    outside: Callable[[bytes], None] | None = None,
) -> Generator[None, None, Zone]:
    """The same in steps of well below a millisecond.

    What is as it was in the ``previous`` zone is shared with it, so that two zones of a million records fit into
    memory. ``outside`` is told of the owners of records that are left out since they are outside of the zone; without
    it they are errors.
    """
    gathering = _Gathering(origin, previous, outside)
    owner, group, left = b"", list[_Raw](), _STEP
    for one, rtype, _, ttl, rdata in records:
        if one != owner:
            if group:
                gathering.add(owner, group)
                left -= len(group)
                if left < 0:
                    left = _STEP
                    yield
            owner, group = one, []
        group.append((rtype, ttl, rdata))
    if group:
        gathering.add(owner, group)
    zone = yield from gathering.finished()
    return zone


class _Gathering:
    """Nodes while records come in. Records of one owner mostly come together; what comes later is put to them."""

    def __init__(self, origin: bytes, previous: Zone | None, outside: Callable[[bytes], None] | None) -> None:
        self._origin = origin
        self._nodes: dict[bytes, Node] = {}
        self._unmatched: dict[bytes, list[_Raw]] = {}  # signatures whose records have not come yet
        self._previous = previous.nodes if previous is not None else {}
        self._outside = outside

    def add(self, owner: bytes, group: list[_Raw]) -> None:
        owner = owner.lower()
        known = self._nodes.get(owner)
        if known is None and owner[1 + owner[0] :] != self._origin and not is_below(owner, self._origin):
            if self._outside is None:
                raise ZoneError(f"{to_text(owner)} is outside of the zone {to_text(self._origin)}")
            self._outside(owner)
            return
        if known is not None or owner in self._unmatched:
            group = [*_raw(known or ()), *self._unmatched.pop(owner, ()), *group]
        node = self._node(owner, group)
        before = self._previous.get(owner)
        self._nodes[owner] = before if before is not None and _is_same(before, node) else node

    def _node(self, owner: bytes, group: list[_Raw]) -> Node:
        if len(group) == 1 and group[0][0] != RRSIG:
            rtype, ttl, rdata = group[0]
            return (RRset(rtype, ttl, (rdata,)),)
        sets: dict[int, dict[bytes, None]] = {}
        ttls: dict[int, int] = {}
        signatures: dict[int, dict[bytes, None]] = {}
        for rtype, ttl, rdata in group:
            if rtype == RRSIG:
                signatures.setdefault(int.from_bytes(rdata[:2], "big"), {})[rdata] = None
            else:
                sets.setdefault(rtype, {})[rdata] = None
                # RFC 2181 section 5.2 wants them alike; the lowest does no harm
                ttls[rtype] = min(ttl, ttls.get(rtype, ttl))
        if CNAME in sets and (not _BESIDE_ALIAS.issuperset(sets) or len(sets[CNAME]) > 1):
            raise ZoneError(f"{to_text(owner)} is an alias and has other records beside it")
        unmatched = [raw for raw in group if raw[0] == RRSIG and int.from_bytes(raw[2][:2], "big") not in sets]
        if unmatched:
            self._unmatched[owner] = unmatched
        return tuple(
            [RRset(rtype, ttls[rtype], tuple(sets[rtype]), tuple(signatures.get(rtype, ()))) for rtype in sets]
        )

    def finished(self) -> Generator[None, None, Zone]:
        nodes = self._nodes
        if not nodes.get(self._origin):
            _no_soa(self._origin)
        for number, owner in enumerate(list(nodes)):  # names that only have names below them exist too (RFC 8020)
            if number % _STEP == 0:
                yield
            name = parent(owner)
            while name not in nodes and len(name) > len(self._origin):
                nodes[name] = ()
                name = parent(name)
        zone = Zone(self._origin, nodes)
        if len(zone.soa.rdatas) > 1:
            raise ZoneError(f"the zone {to_text(self._origin)} has more than one SOA record")
        yield from _indexing(zone)
        return zone


def _raw(node: Node) -> Iterator[_Raw]:
    for rrset in node:
        for rdata in rrset.rdatas:
            yield rrset.rtype, rrset.ttl, rdata
        for rdata in rrset.signatures:
            yield RRSIG, rrset.ttl, rdata


def _is_same(node: Node, other: Node) -> bool:
    if len(node) != len(other):
        return False
    for one, two in zip(node, other, strict=True):
        if one.rdatas != two.rdatas or one.rtype != two.rtype or one.ttl != two.ttl or one.signatures != two.signatures:
            return False
    return True


def _indexing(zone: Zone) -> Generator[None, None, None]:
    hashed: list[tuple[bytes, bytes]] = []
    for number, (owner, node) in enumerate(zone.nodes.items()):
        if number % _STEP == 0:
            yield
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
    zone.chain = yield from _sorting(zone.chain)
    parameters = get(zone.apex, NSEC3PARAM)
    if parameters is not None and hashed:
        rdata = parameters.rdatas[0]
        hashed = yield from _sorting(hashed)
        zone.nsec3 = Hashed(int.from_bytes(rdata[2:4], "big"), rdata[5 : 5 + rdata[4]], hashed)


def _sorting(pairs: list[tuple[bytes, bytes]]) -> Generator[None, None, list[tuple[bytes, bytes]]]:
    runs = [sorted(pairs[at : at + _RUN]) for at in range(0, len(pairs), _RUN)]
    found: list[tuple[bytes, bytes]] = []
    for pair in merge(*runs):
        found.append(pair)
        if len(found) % _STEP == 0:
            yield
    return found


def _no_soa(origin: bytes) -> RRset:
    raise ZoneError(f"the zone {to_text(origin)} has no SOA record")
