"""Denials that say as little as they can: a name, the name right behind it, types that may be there.

They are made per question (draft-valsorda-dnsop-black-lies), so that nobody needs to know the whole zone, and nobody
can list it. A name that does not exist looks like one that has other types than the one that was asked for.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from resolver.dnssec.bitmap import type_bitmap
from resolver.wire.constants import (
    AAAA,
    CAA,
    DNSKEY,
    HINFO,
    HTTPS,
    MAX_LABEL,
    MAX_NAME,
    MX,
    NAPTR,
    NS,
    NSEC,
    PTR,
    RRSIG,
    SOA,
    SRV,
    SVCB,
    TXT,
    A,
)
from resolver.wire.names import ROOT

# A resolver that makes answers of its own from what NSEC says (RFC 8198) would deny whatever is missing here, so all
# that can stand at a name is named. NS, DS, CNAME and DNAME are not: with them, NSEC would say other things.
_LOC, _CERT, _SSHFP, _TLSA, _SMIMEA, _HIP, _OPENPGPKEY, _SPF, _URI = 29, 37, 44, 52, 53, 55, 61, 99, 256
_COMMON: Final = frozenset((A, PTR, HINFO, MX, TXT, AAAA, SRV, NAPTR, SVCB, HTTPS, CAA, RRSIG, NSEC))
_OTHERS: Final = frozenset((_LOC, _CERT, _SSHFP, _TLSA, _SMIMEA, _HIP, _OPENPGPKEY, _SPF, _URI))
_AT_A_NAME: Final = _COMMON | _OTHERS
_AT_THE_APEX: Final = _AT_A_NAME | {NS, SOA, DNSKEY}
_AT_A_CUT: Final = type_bitmap((NS, RRSIG, NSEC))


def denial(name: bytes, qtype: int, zone: bytes) -> bytes:
    """The rdata of an NSEC record at ``name`` that denies the type; both names in lower case, in wire form."""
    return successor(name, zone) + _bitmap_without(qtype, is_apex=name == zone)


def no_signer(cut: bytes, zone: bytes) -> bytes:
    """The rdata of an NSEC record that says: here begins another zone, which is not signed (RFC 4035 section 3.1.4)."""
    return successor(cut, zone) + _AT_A_CUT


@lru_cache(maxsize=256)
def _bitmap_without(qtype: int, *, is_apex: bool) -> bytes:
    types = _AT_THE_APEX if is_apex else _AT_A_NAME
    return type_bitmap(types if qtype == NSEC else types - {qtype})


def successor(name: bytes, zone: bytes) -> bytes:
    """The name in the zone that comes right behind this one (RFC 4471 section 3.1.2); the zone's own after the last."""
    if len(name) + 2 <= MAX_NAME:
        return b"\1\0" + name
    while len(name) > len(zone):
        label, rest = name[1 : 1 + name[0]], name[1 + name[0] :]
        if len(label) < MAX_LABEL and len(name) < MAX_NAME:
            return bytes((len(label) + 1,)) + label + b"\0" + rest
        label = label.rstrip(b"\xff")
        if label:
            last = label[-1] + 1
            last = ord("[") if last == ord("A") else last  # capitals sort as the small letters
            return bytes((len(label),)) + label[:-1] + bytes((last,)) + rest
        name = rest
    return zone or ROOT
