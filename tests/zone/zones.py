"""Zones for tests, written as text."""

from __future__ import annotations

from collections.abc import Iterator

import dns.zone

from resolver.wire.constants import type_name
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record
from resolver.zone.data import Zone, build
from resolver.zone.lookup import Found

ORIGIN = "example.org."


def records_of(text: str, origin: str = ORIGIN) -> Iterator[Record]:
    """The records of a zone file, read by dnspython."""
    zone = dns.zone.from_text(text, origin, relativize=False, check_origin=False)
    for name, ttl, rdata in zone.iterate_rdatas():
        yield Record(name.to_wire() or b"", int(rdata.rdtype), int(rdata.rdclass), ttl, rdata.to_wire() or b"")


def zone_of(text: str, origin: str = ORIGIN) -> Zone:
    """A zone of a zone file."""
    return build(from_text(origin), records_of(text, origin))


def shown(records: list[Record]) -> list[str]:
    """Records as owner and type, sorted."""
    return sorted(f"{to_text(record.owner)} {type_name(record.type)}" for record in records)


def sections(found: Found) -> tuple[list[str], list[str], list[str]]:
    """The three sections of what was found."""
    return shown(found.answer), shown(found.authority), shown(found.additional)
