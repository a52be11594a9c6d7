"""Addresses that lead to the inside, and so have no business in answers from outside (DNS rebinding)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

_PARAMETER = Struct("!HH")
_IPV4_HINT: Final = 4
_IPV6_HINT: Final = 6

_OUTSIDE, _INSIDE, _MIXED = 0, 1, 2
"""What the first octet of an address says: that its network is outside, inside, or that more has to be looked at."""

_MAPPED: Final = bytes(10) + b"\xff\xff"
_COMPATIBLE: Final = bytes(12)
_NAT64: Final = bytes.fromhex("0064ff9b") + bytes(8)
_NAT64_LOCAL: Final = bytes.fromhex("0064ff9b0001")
_TRANSLATED: Final = bytes(8) + b"\xff\xff\0\0"  # RFC 7915
_ISATAP: Final = (bytes.fromhex("00005efe"), bytes.fromhex("02005efe"))  # RFC 5214 section 6.1
_6TO4: Final = b"\x20\x02"
_TEREDO: Final = bytes.fromhex("20010000")  # RFC 4380 section 4
_ENDING: Final = (_MAPPED, _NAT64, _TRANSLATED)
_HOLDING: Final = (*_ENDING, _6TO4, _TEREDO)
_BENCHMARKING: Final = bytes.fromhex("200100020000")  # RFC 5180
_EVERYWHERE: Final = 0xE  # the scope of multicast that leaves the own network (RFC 7346)
_ANYCAST: Final = frozenset((9, 10, 170, 171))  # of 192.0.0.0/24: reachable from everywhere, or answers about NAT64


def is_inside(packed: bytes) -> bool:
    """Whether an address of 4 or 16 octets belongs to networks that nobody has for himself in the Internet.

    These are private, shared (CGNAT), loopback, link-local, formerly site-local and unspecified ones, those that are
    reserved or for benchmarking, which networks use inside, and multicast that stays inside. IPv6 addresses that hold
    an IPv4 address (mapped, compatible, translated, NAT64, 6to4, ISATAP, Teredo) are what that one is. Documentation
    networks are not inside: nobody is there.
    """
    if len(packed) == 4:
        kind = _V4[packed[0]]
        return kind == _INSIDE if kind != _MIXED else _is_inside_v4(packed)
    if len(packed) != 16:
        return False
    kind = _V6[packed[0]]
    if kind == _INSIDE or (kind == _MIXED and _is_inside_v6(packed)):
        return True
    if packed[8:12] in _ISATAP or (kind == _MIXED and packed.startswith(_HOLDING)):
        return any(is_inside(one) for one in held(packed))
    return False


def held(packed: bytes) -> Iterator[bytes]:
    """The IPv4 addresses that an IPv6 address holds: none, one, or two."""
    if len(packed) != 16:
        return
    if packed[8:12] in _ISATAP or packed.startswith(_ENDING):
        yield packed[12:]
    if packed.startswith(_6TO4):
        yield packed[2:6]
    elif packed.startswith(_TEREDO):
        yield packed[4:8]
        yield bytes(octet ^ 0xFF for octet in packed[12:])


def _is_inside_v4(packed: bytes) -> bool:
    first, second = packed[0], packed[1]
    if first == 192:
        return second == 168 or (second == 0 and packed[2] == 0 and packed[3] not in _ANYCAST)
    return (
        (first == 100 and 64 <= second < 128)
        or (first == 169 and second == 254)
        or (first == 172 and 16 <= second < 32)
        or (first == 198 and second in (18, 19))
        or (first == 224 and second == 0 and packed[2] == 0)
    )


def _is_inside_v6(packed: bytes) -> bool:
    first, second = packed[0], packed[1]
    if first == 0x20:
        return packed.startswith(_BENCHMARKING)
    if first == 0xFE:
        return second >= 0x80
    if first == 0xFF:
        return second & 0xF != _EVERYWHERE
    if first == 0x5F:
        return second == 0
    # ::, ::1 and what RFC 4291 section 2.5.5.1 gave up
    return packed.startswith((_COMPATIBLE, _NAT64_LOCAL))


def _table(inside: Iterable[int], mixed: Iterable[int]) -> bytes:
    table = bytearray(256)
    for kind, octets in ((_INSIDE, inside), (_MIXED, mixed)):
        for octet in octets:
            table[octet] = kind
    return bytes(table)


_V4: Final = _table((0, 10, 127, 239, *range(240, 256)), (100, 169, 172, 192, 198, 224))
_V6: Final = _table((0xFC, 0xFD), (0x00, 0x20, 0x5F, 0xFE, 0xFF))


def hinted(rdata: bytes) -> Iterator[bytes]:
    """The addresses in the hints of an SVCB or HTTPS record (RFC 9460 section 7.3), as far as it can be read."""
    offset = 2
    while offset < len(rdata) and rdata[offset]:
        offset += 1 + rdata[offset]
    offset += 1
    while offset + 4 <= len(rdata):
        key, length = _PARAMETER.unpack_from(rdata, offset)
        offset += 4
        size = {_IPV4_HINT: 4, _IPV6_HINT: 16}.get(key)
        if size is not None:
            for start in range(offset, min(offset + length, len(rdata)) - size + 1, size):
                yield rdata[start : start + size]
        offset += length
