"""Addresses that lead to the inside, and so have no business in answers from outside (DNS rebinding)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

_PARAMETER = Struct("!HH")
_IPV4_HINT: Final = 4
_IPV6_HINT: Final = 6
_MAPPED: Final = bytes(10) + b"\xff\xff"
_COMPATIBLE: Final = bytes(12)
_NAT64: Final = bytes.fromhex("0064ff9b") + bytes(8)
_NAT64_LOCAL: Final = bytes.fromhex("0064ff9b0001")
_TRANSLATED: Final = bytes(8) + b"\xff\xff\0\0"  # RFC 7915
_ISATAP: Final = (bytes.fromhex("00005efe"), bytes.fromhex("02005efe"))  # RFC 5214 section 6.1
_6TO4: Final = b"\x20\x02"


def is_inside(packed: bytes) -> bool:
    """Whether an address of 4 or 16 octets is private, shared (CGNAT), loopback, link-local or unspecified.

    IPv6 addresses that hold an IPv4 address (mapped, compatible, translated, NAT64, 6to4, ISATAP) are what that one is.
    """
    if len(packed) == 4:
        return _is_inside_v4(packed)
    if len(packed) != 16:
        return False
    first = packed[0]
    if first & 0xFE == 0xFC or (first == 0xFE and packed[1] >= 0x80):  # ULA, link-local, former site-local
        return first != 0xFE or packed[1] < 0xFF
    if packed.startswith((_MAPPED, _NAT64, _TRANSLATED)) or packed[8:12] in _ISATAP:
        return _is_inside_v4(packed[12:])
    if packed.startswith(_COMPATIBLE):  # ::, ::1 and what RFC 4291 section 2.5.5.1 gave up
        return True
    if packed.startswith(_6TO4):
        return _is_inside_v4(packed[2:6])
    return packed.startswith(_NAT64_LOCAL)


def _is_inside_v4(packed: bytes) -> bool:
    first, second = packed[0], packed[1]
    return (
        first in (0, 10, 127)
        or (first == 100 and 64 <= second < 128)
        or (first == 169 and second == 254)
        or (first == 172 and 16 <= second < 32)
        or (first == 192 and second == 168)
        or packed == b"\xff\xff\xff\xff"
    )


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
