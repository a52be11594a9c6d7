"""What changed between the versions of a zone, for those who only want that (RFC 1995)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from resolver.wire.constants import IN, RRSIG
from resolver.wire.records import Record
from resolver.zone.data import Node, Zone
from resolver.zone.serial import is_newer, serial_of

MOST_VERSIONS: Final = 100
MOST_CHANGES: Final = 20_000

# To compare two versions of a zone takes about a microsecond a name.
LARGEST_ZONE: Final = 200_000


@dataclass(frozen=True, slots=True)
class Difference:
    """What one version of a zone has and the next one has not, and the other way round; without the SOA records."""

    before: Record
    after: Record
    removed: tuple[Record, ...]
    added: tuple[Record, ...]

    def __len__(self) -> int:
        return len(self.removed) + len(self.added) + 2


class Journal:
    """The latest differences of a zone, as many as there is room for. Serial numbers always grow in it."""

    __slots__ = ("_changes", "_differences", "_room")

    def __init__(self, room: int = MOST_CHANGES) -> None:
        self._differences: deque[Difference] = deque()
        self._room = room
        self._changes = 0

    def note(self, difference: Difference | None) -> None:
        """The zone changed; None where nobody knows how, after which only whole transfers are right."""
        if difference is None or not is_newer(serial_of(difference.after), serial_of(difference.before)):
            self._clear()
            return
        if self._differences and self._differences[-1].after != difference.before:
            self._clear()
        self._differences.append(difference)
        self._changes += len(difference)
        while self._changes > self._room or len(self._differences) > MOST_VERSIONS:
            self._changes -= len(self._differences.popleft())

    def since(self, serial: int, soa: Record) -> list[Difference] | None:
        """What leads from a version to the present one with that SOA, None where it is not known."""
        differences = list(self._differences)
        if not differences or differences[-1].after != soa:
            return None
        for start, difference in enumerate(differences):
            if serial_of(difference.before) == serial:
                return differences[start:]
        return None

    def _clear(self) -> None:
        self._differences.clear()
        self._changes = 0


def records_of(differences: list[Difference]) -> Iterator[Record]:
    """The records of an incremental transfer, which ends as it begins: with the newest SOA (RFC 1995 section 4)."""
    newest = differences[-1].after
    yield newest
    for difference in differences:
        yield difference.before
        yield from difference.removed
        yield difference.after
        yield from difference.added
    yield newest


def compare(before: Zone, after: Zone) -> Difference | None:
    """The difference of two versions, None where it is too large to be worth keeping."""
    if len(after.nodes) > LARGEST_ZONE or len(before.nodes) > LARGEST_ZONE:
        return None
    removed: list[Record] = []
    added: list[Record] = []
    old, new = before.nodes, after.nodes
    for owner, node in old.items():
        _subtract(owner, node, new.get(owner, ()), before, removed)
        if len(removed) > MOST_CHANGES:
            return None
    for owner, node in new.items():
        _subtract(owner, node, old.get(owner, ()), after, added)
        if len(added) > MOST_CHANGES:
            return None
    return Difference(soa_of(before), soa_of(after), tuple(removed), tuple(added))


def soa_of(zone: Zone) -> Record:
    """The SOA record."""
    return zone.soa.records(zone.origin)[0]


def _subtract(owner: bytes, node: Node, other: Node, zone: Zone, left: list[Record]) -> None:
    """What a node has and the other version of it has not; a change of the TTL changes the record."""
    others = {rrset.rtype: rrset for rrset in other}
    for rrset in node:
        same = others.get(rrset.rtype)
        if rrset is zone.soa:
            known: tuple[bytes, ...] = rrset.rdatas
        else:
            known = same.rdatas if same is not None and same.ttl == rrset.ttl else ()
        if rrset.rdatas != known:
            left += [Record(owner, rrset.rtype, IN, rrset.ttl, rdata) for rdata in rrset.rdatas if rdata not in known]
        signed = same.signatures if same is not None and same.ttl == rrset.ttl else ()
        if rrset.signatures != signed:
            left += [Record(owner, RRSIG, IN, rrset.ttl, rdata) for rdata in rrset.signatures if rdata not in signed]
