"""Zones from records in any order."""

from __future__ import annotations

from random import Random

import pytest

from resolver.errors import ZoneError
from resolver.wire.constants import NSEC, RRSIG, TXT, A
from resolver.wire.names import from_text
from resolver.wire.records import Record
from resolver.zone.data import Zone, build, building, get
from tests.zone.zones import ORIGIN, records_of, zone_of

SOA_LINE = "@ 3600 SOA ns host 1 7200 1800 1209600 300\n"
OWNER = from_text("www.example.org.")


def built(records: list[Record], previous: Zone | None = None) -> tuple[Zone, list[bytes]]:
    outside: list[bytes] = []
    steps = building(from_text(ORIGIN), records, previous, outside.append)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            zone: Zone = stop.value
            return zone, outside


def contents(zone: Zone) -> set[tuple[bytes, int, int, frozenset[bytes], frozenset[bytes]]]:
    return {
        (owner, rrset.rtype, rrset.ttl, frozenset(rrset.rdatas), frozenset(rrset.signatures))
        for owner, node in zone.nodes.items()
        for rrset in node
    }


def records(count: int, changed: int = 0) -> list[Record]:
    """A SOA and ``count`` names, of which the first few have changed."""
    found = list(records_of(SOA_LINE))
    for number in range(count):
        value = number + (1 if number < changed else 0)
        found.append(Record(from_text(f"h{number}.example.org."), A, 1, 60, value.to_bytes(4, "big")))
    return found


def signature(covered: int, octets: bytes = b"x") -> Record:
    return Record(OWNER, RRSIG, 1, 60, covered.to_bytes(2, "big") + bytes(16) + octets)


def test_the_order_of_records_does_not_matter() -> None:
    text = (
        SOA_LINE
        + "www A 192.0.2.1\nwww A 192.0.2.2\nwww TXT a\na.b TXT b\n*.c CNAME www\nsub NS ns.sub\nns.sub A 192.0.2.3"
    )
    found = [*records_of(text), signature(A), signature(TXT), signature(A, b"y"), Record(OWNER, NSEC, 1, 5, b"\0\0\1@")]
    expected = contents(build(from_text(ORIGIN), found))
    for seed in range(20):
        Random(seed).shuffle(found)
        assert contents(build(from_text(ORIGIN), found)) == expected


def test_a_signature_may_come_long_before_its_records() -> None:
    record = Record(OWNER, A, 1, 60, b"\1\2\3\4")
    zone = build(from_text(ORIGIN), [signature(A), *records_of(SOA_LINE), signature(TXT), record])
    rrset = get(zone.nodes[OWNER], A)
    assert rrset is not None
    assert rrset.signatures == (signature(A).rdata,)
    assert get(zone.nodes[OWNER], TXT) is None


def test_what_is_there_twice_counts_once_with_the_lowest_ttl() -> None:
    one, two = Record(OWNER, A, 1, 60, b"\1\2\3\4"), Record(OWNER, A, 1, 30, b"\1\2\3\4")
    rrset = get(build(from_text(ORIGIN), [*records_of(SOA_LINE), one, two]).nodes[OWNER], A)
    assert rrset is not None
    assert (rrset.rdatas, rrset.ttl) == ((b"\1\2\3\4",), 30)


def test_an_alias_beside_records_that_come_later_is_refused() -> None:
    text = SOA_LINE + "www CNAME x\nother A 192.0.2.1"
    with pytest.raises(ZoneError, match="is an alias and has other records"):
        build(from_text(ORIGIN), [*records_of(text), Record(OWNER, A, 1, 60, b"\1\2\3\4")])


def test_records_outside_are_told_of_and_left_out() -> None:
    far = from_text("www.example.net.")
    zone, outside = built([*records_of(SOA_LINE), Record(far, A, 1, 60, b"\1\2\3\4")])
    assert outside == [far]
    assert list(zone.nodes) == [from_text(ORIGIN)]


def test_a_zone_shares_what_did_not_change_with_the_one_before() -> None:
    before, _ = built(records(500))
    after, _ = built(records(500, changed=3), before)
    shared = [owner for owner, node in after.nodes.items() if node is before.nodes[owner]]
    assert len(shared) == 498
    assert contents(after) == contents(build(from_text(ORIGIN), records(500, changed=3)))


def test_building_gives_turns_all_the_time() -> None:
    steps = building(from_text(ORIGIN), records(2000))
    assert sum(1 for _ in steps) >= 2000 / 100 * 3


def test_nsec_records_are_in_canonical_order_however_they_come() -> None:
    zone = zone_of(SOA_LINE)
    names = [f"n{number}.example.org." for number in range(3000)]
    Random(1).shuffle(names)
    chain = [Record(from_text(name), NSEC, 1, 60, b"\0\0\1@") for name in names]
    found = build(from_text(ORIGIN), [*zone.records(), *chain]).chain
    assert found == sorted(found)
    assert len(found) == 3000
