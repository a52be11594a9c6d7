"""IPv4 addresses within an IPv6 prefix (RFC 6052 section 2.2)."""

from __future__ import annotations

from ipaddress import IPv6Network

_RESERVED_AT = 8  # this octet is zero in every address
_NIBBLES = 32
_ARPA = b"\3ip6\4arpa\0"


def embed(prefix: IPv6Network, address: bytes) -> bytes:
    """The IPv6 address of 16 octets that stands for an IPv4 address of four."""
    length = prefix.prefixlen // 8
    found = bytearray(prefix.network_address.packed)
    for place, octet in zip(_places(length), address, strict=True):
        found[place] = octet
    return bytes(found)


def extract(prefix: IPv6Network, address: bytes) -> bytes | None:
    """The IPv4 address in an IPv6 address, None for one outside of the prefix."""
    length = prefix.prefixlen // 8
    if address[:length] != prefix.network_address.packed[:length]:
        return None
    return bytes(address[place] for place in _places(length))


def reversed_address(name: bytes) -> bytes | None:
    """The address of 16 octets that a lower-case wire name below ``ip6.arpa`` stands for, None for any other name."""
    if len(name) != 2 * _NIBBLES + len(_ARPA) or not name.endswith(_ARPA) or set(name[: 2 * _NIBBLES : 2]) != {1}:
        return None
    digits = name[1 : 2 * _NIBBLES : 2][::-1]
    try:
        return bytes.fromhex(digits.decode("ascii"))
    except ValueError:
        return None


def _places(length: int) -> list[int]:
    return [place for place in range(length, length + 5) if place != _RESERVED_AT][:4]
