"""Protocol buffers, written by hand: what dnstap and profiles need of them.

A field's tag is its number times eight, plus how the value is written: 0 as a varint, 2 with a length.
"""

from __future__ import annotations

from collections.abc import Iterable


def varint(number: int) -> bytes:
    """A number from 0 in groups of seven bits, the lowest first."""
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def number_field(field: int, number: int) -> bytes:
    """A field that holds a number from 0."""
    return varint(field << 3) + varint(number)


def octets_field(field: int, octets: bytes) -> bytes:
    """A field that holds octets, a text or a message."""
    return varint(field << 3 | 2) + varint(len(octets)) + octets


def packed_field(field: int, numbers: Iterable[int]) -> bytes:
    """A repeated field of numbers in one piece."""
    return octets_field(field, b"".join(varint(number) for number in numbers))
