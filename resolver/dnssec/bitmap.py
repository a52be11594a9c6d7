"""The types that NSEC says there are (RFC 4034 section 4.1.2)."""

from __future__ import annotations

from collections.abc import Iterable


def type_bitmap(types: Iterable[int]) -> bytes:
    """Windows of 256 types, each a number, a length and as many octets as its highest type needs."""
    windows: dict[int, bytearray] = {}
    for number in sorted(set(types)):
        low = number & 0xFF
        octets = windows.setdefault(number >> 8, bytearray())
        octets.extend(bytes((low >> 3) + 1 - len(octets)))
        octets[low >> 3] |= 0x80 >> (low & 7)
    return b"".join(bytes((window, len(octets))) + octets for window, octets in windows.items())
