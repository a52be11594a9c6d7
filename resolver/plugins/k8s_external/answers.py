"""From what a name means to records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from resolver.plugins.k8s_external.lookup import Match
from resolver.wire.constants import AAAA, CNAME, IN, NS, PTR, SOA, SRV, A
from resolver.wire.records import Record

REFRESH, RETRY, EXPIRE = 7200, 1800, 86400  # seconds, those of CoreDNS
_WEIGHTS = 100  # what all services of one answer share


def address_records(owner: bytes, addresses: Iterable[bytes], ttl: int, rtype: int | None = None) -> list[Record]:
    """A and AAAA records, or those of one type."""
    records = [Record(owner, A if len(one) == 4 else AAAA, IN, ttl, one) for one in dict.fromkeys(addresses)]
    return records if rtype is None else [record for record in records if record.type == rtype]


def alias_records(owner: bytes, matches: Sequence[Match], ttl: int) -> list[Record]:
    """A CNAME record for each host name."""
    return [Record(owner, CNAME, IN, ttl, host) for host in dict.fromkeys(match.host for match in matches) if host]


def srv_records(owner: bytes, zone: bytes, matches: Sequence[Match], ttl: int) -> list[Record]:
    """An SRV record for each port and target; the weight is shared evenly (RFC 2782)."""
    weight = max(1, _WEIGHTS // len(matches)) if matches else 1
    targets = {(match.host or match.owner + zone, match.port): None for match in matches if match.port}
    head = b"\0\0" + weight.to_bytes(2, "big")
    return [Record(owner, SRV, IN, ttl, head + port.to_bytes(2, "big") + target) for target, port in targets]


def target_addresses(zone: bytes, matches: Sequence[Match], ttl: int) -> list[Record]:
    """The addresses of the targets of SRV records that are names below the zone."""
    found: dict[Record, None] = {}
    for match in matches:
        if match.address and match.port:
            rtype = A if len(match.address) == 4 else AAAA
            found[Record(match.owner + zone, rtype, IN, ttl, match.address)] = None
    return list(found)


def pointer_records(owner: bytes, names: Iterable[bytes], ttl: int) -> list[Record]:
    """A PTR record for each name."""
    return [Record(owner, PTR, IN, ttl, name) for name in dict.fromkeys(names)]


def soa_record(zone: bytes, apex: bytes, ttl: int, serial: int) -> Record:
    """The zone's SOA; ``apex`` is the name below which its name server and mailbox are."""
    numbers = (serial & 0xFFFFFFFF, REFRESH, RETRY, EXPIRE, ttl)
    rdata = b"\3ns1" + apex + b"\x0ahostmaster" + apex + b"".join([number.to_bytes(4, "big") for number in numbers])
    return Record(zone, SOA, IN, ttl, rdata)


def ns_record(zone: bytes, apex: bytes, ttl: int) -> Record:
    """The zone's only NS record."""
    return Record(zone, NS, IN, ttl, b"\3ns1" + apex)
