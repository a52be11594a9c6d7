"""What changed between versions of a zone, and putting it together again."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import ZoneError
from resolver.wire.constants import SOA
from resolver.wire.message import scan
from resolver.wire.names import from_text
from resolver.wire.records import Record, encode
from resolver.zone.data import Zone, build
from resolver.zone.journal import Difference, Journal, compare, records_of, soa_of
from resolver.zone.transfer_in import Incoming
from tests.zone.zones import zone_of

ORIGIN = from_text("example.org")
LINES = ["a A 192.0.2.1", "a A 192.0.2.2", "a 60 TXT x", "b.c MX 10 a", "*.w AAAA 2001:db8::1", "d CNAME a", "s NS a"]


def version(serial: int, *lines: str, ttl: int = 300) -> Zone:
    return zone_of("\n".join((f"$TTL {ttl}", f"@ SOA ns host {serial} 7200 1800 86400 300", "@ NS ns", *lines)))


def all_of(zone: Zone) -> set[Record]:
    return set(zone.records())


def difference(before: Zone, after: Zone) -> Difference:
    found = compare(before, after)
    assert found is not None
    return found


def patched(base: Zone, differences: list[Difference]) -> Zone:
    """What a secondary makes of an incremental transfer."""
    question = ORIGIN + b"\0\xfb\0\1"
    body = encode(ORIGIN, list(records_of(differences)))
    head = b"\0\1\x84\0\0\1" + body.answers.to_bytes(2, "big") + b"\0\0\0\0"
    incoming = Incoming(ORIGIN, base)
    assert incoming.take(scan(head + question + body.data))
    return incoming.zone()


@given(st.lists(st.sets(st.sampled_from(LINES)), min_size=2, max_size=6), st.sampled_from([300, 600]))
def test_differences_lead_from_each_version_to_the_last(contents: list[set[str]], ttl: int) -> None:
    versions = [
        version(number, *sorted(lines), ttl=ttl if number == 2 else 300) for number, lines in enumerate(contents, 1)
    ]
    journal = Journal()
    for before, after in pairwise(versions):
        journal.note(compare(before, after))
    for known in versions[:-1]:
        differences = journal.since(known.serial, soa_of(versions[-1]))
        assert differences is not None
        assert all_of(patched(known, differences)) == all_of(versions[-1])


def test_a_difference_has_only_what_changed() -> None:
    before, after = version(1, LINES[0], LINES[2]), version(2, LINES[1], LINES[2])
    found = difference(before, after)
    assert [record.rdata for record in found.removed] == [bytes((192, 0, 2, 1))]
    assert [record.rdata for record in found.added] == [bytes((192, 0, 2, 2))]
    assert SOA not in {record.type for record in (*found.removed, *found.added)}


def test_a_version_that_is_not_known_has_no_differences() -> None:
    journal = Journal()
    journal.note(compare(version(5), version(6)))
    assert journal.since(4, soa_of(version(6))) is None


def test_a_zone_that_is_ahead_of_its_journal_has_no_differences() -> None:
    journal = Journal()
    journal.note(compare(version(5), version(6)))
    assert journal.since(5, soa_of(version(7))) is None


def test_a_serial_that_does_not_grow_ends_the_journal() -> None:
    journal = Journal()
    journal.note(compare(version(5), version(6)))
    journal.note(compare(version(6), version(6, LINES[0])))
    assert journal.since(5, soa_of(version(6))) is None


def test_versions_that_were_missed_end_the_journal() -> None:
    journal = Journal()
    journal.note(compare(version(1), version(2)))
    journal.note(compare(version(3), version(4)))
    assert journal.since(1, soa_of(version(4))) is None
    assert journal.since(3, soa_of(version(4))) is not None


def test_a_change_that_nobody_knows_ends_the_journal() -> None:
    journal = Journal()
    journal.note(compare(version(1), version(2)))
    journal.note(None)
    assert journal.since(1, soa_of(version(2))) is None


def test_a_journal_keeps_the_latest_changes_that_it_has_room_for() -> None:
    journal = Journal(room=10)
    for serial in range(1, 8):
        journal.note(compare(version(serial, LINES[0]), version(serial + 1, LINES[0])))
    assert journal.since(2, soa_of(version(8))) is None
    assert journal.since(3, soa_of(version(8))) is not None


def test_differences_to_another_version_are_not_taken() -> None:
    base = version(1)
    found = difference(version(1, LINES[0]), version(2))
    with pytest.raises(ZoneError, match="do not fit"):
        patched(base, [found])


def test_signatures_are_part_of_the_difference() -> None:
    signature = "a 300 RRSIG A 13 3 300 20300101000000 20200101000000 1 example.org. AAAA"
    before, after = version(1, LINES[0]), version(2, LINES[0], signature)
    found = difference(before, after)
    assert [record.type for record in found.added] == [46]
    assert all_of(patched(before, [found])) == all_of(after)


def test_a_zone_is_built_of_its_own_records() -> None:
    zone = version(1, *LINES)
    assert all_of(build(ORIGIN, zone.records())) == all_of(zone)
