"""Signing a whole zone: keys, NSEC and signatures are added to its records (RFC 4035 section 2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from resolver.dnssec.bitmap import type_bitmap
from resolver.dnssec.keys import Key
from resolver.dnssec.signature import Validity, sign, signable
from resolver.wire.constants import DNSKEY, DS, IN, NS, NSEC, NSEC3, RRSIG, SOA
from resolver.wire.names import is_below
from resolver.wire.records import Record, soa_minimum
from resolver.zone.data import NSEC3PARAM, RRset, Zone
from resolver.zone.order import sort_key

CDS, CDNSKEY = 59, 60
MADE_BY_SIGNING: Final = frozenset((DNSKEY, RRSIG, NSEC, NSEC3, NSEC3PARAM, CDS, CDNSKEY))
_AT_CUTS: Final = frozenset((DS, NSEC))


def unsigned(records: Iterable[Record]) -> Iterator[Record]:
    """The records without those that signing makes."""
    return (record for record in records if record.type not in MADE_BY_SIGNING)


def signed(zone: Zone, keys: Sequence[Key], validity: Validity, serial: int) -> Iterator[Record]:
    """The records of the signed zone in canonical order, but for the SOA, which comes first.

    ``zone`` has none of the records that signing makes. What is below a delegation or a DNAME stays without signatures
    and NSEC; at a delegation DS and NSEC alone are signed.
    """
    names = sorted((name for name, node in zone.nodes.items() if node), key=sort_key)
    chain = [name for name, is_ours in _authoritative(zone, names) if is_ours]
    following = dict(zip(chain, [*chain[1:], zone.origin], strict=True))
    soa = zone.soa
    denial_ttl = min(soa.ttl, soa_minimum(soa.rdatas[0]))  # RFC 9077
    for name in names:
        sets = list(zone.nodes[name])
        if name == zone.origin:
            sets = _apex(zone, sets, keys, serial)
        if name not in following:
            yield from _plain(name, sets)
            continue
        is_cut = name in zone.cuts
        types = {one.rtype for one in sets if not is_cut or one.rtype in (NS, DS)}
        sets.append(RRset(NSEC, denial_ttl, (following[name] + type_bitmap(types | {RRSIG, NSEC}),)))
        for one in sets:
            yield from one.records(name)
            if not is_cut or one.rtype in _AT_CUTS:
                yield from _signatures(name, one, zone.origin, keys, validity)


def _authoritative(zone: Zone, names: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Each of the names, in canonical order, and whether it is of this zone and not of one below."""
    border = b""
    for name in names:
        if border and name != border and is_below(name, border):
            yield name, False
            continue
        border = name if name in zone.cuts or name in zone.redirections else b""
        yield name, True


def _apex(zone: Zone, sets: Iterable[RRset], keys: Sequence[Key], serial: int) -> list[RRset]:
    """What is at the apex, the SOA first and with a new serial, and the keys."""
    rdata, ttl = zone.soa.rdatas[0], zone.soa.ttl
    soa = RRset(SOA, ttl, (rdata[:-20] + (serial & 0xFFFFFFFF).to_bytes(4, "big") + rdata[-16:],))
    public = tuple([key.rdata for key in keys])
    digests = tuple([key.ds(zone.origin) for key in keys])
    others = [one for one in sets if one.rtype != SOA]
    return [soa, *others, RRset(DNSKEY, ttl, public), RRset(CDNSKEY, ttl, public), RRset(CDS, ttl, digests)]


def _plain(name: bytes, sets: Iterable[RRset]) -> Iterator[Record]:
    for one in sets:
        yield from one.records(name)


def _signatures(name: bytes, one: RRset, origin: bytes, keys: Sequence[Key], validity: Validity) -> Iterator[Record]:
    records = signable(name, one.rtype, one.ttl, one.rdatas, origin)
    for key in keys:
        yield Record(name, RRSIG, IN, one.ttl, sign(records, key, validity))
