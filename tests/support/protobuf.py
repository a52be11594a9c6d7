"""Protocol buffers, read without knowing what they mean."""

from __future__ import annotations

from typing import Any


def fields(octets: bytes) -> dict[int, Any]:
    """Values by field number: numbers, or octets as they stand. Each field may stand once."""
    found: dict[int, Any] = {}
    at = 0
    while at < len(octets):
        tag, at = _varint(octets, at)
        number, kind = tag >> 3, tag & 7
        assert number not in found
        if kind == 0:
            found[number], at = _varint(octets, at)
        elif kind == 2:
            length, at = _varint(octets, at)
            assert at + length <= len(octets)
            found[number] = octets[at : at + length]
            at += length
        else:
            assert kind in (1, 5), f"field {number} is of kind {kind}"
            size = 8 if kind == 1 else 4
            found[number] = int.from_bytes(octets[at : at + size], "little")
            at += size
    return found


def repeated(octets: bytes, field: int) -> list[bytes]:
    """All values of a field that may stand several times, as octets."""
    found: list[bytes] = []
    at = 0
    while at < len(octets):
        tag, at = _varint(octets, at)
        if tag & 7 == 0:
            _, at = _varint(octets, at)
            continue
        assert tag & 7 == 2
        length, at = _varint(octets, at)
        if tag >> 3 == field:
            found.append(octets[at : at + length])
        at += length
    return found


def packed(octets: bytes) -> list[int]:
    """The numbers of a field that holds several in one piece."""
    numbers, at = [], 0
    while at < len(octets):
        number, at = _varint(octets, at)
        numbers.append(number)
    return numbers


def _varint(octets: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        octet = octets[at]
        number |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if octet < 0x80:
            return number, at
