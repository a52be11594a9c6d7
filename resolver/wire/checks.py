"""Checking names where they stand in a message, without writing them out."""

from __future__ import annotations

from bisect import bisect_left
from typing import Final, TypeAlias

from resolver.errors import WireError
from resolver.wire.constants import AAAA, HEADER_SIZE, MAX_LABEL, MAX_NAME, A
from resolver.wire.names import MAX_POINTERS
from resolver.wire.records import NAME, NAMED_TYPES

ADDRESS_SIZES: Final = {A: 4, AAAA: 16}

# Names that were read: their size when written out, and how many pointers that took, by their offsets.
Known: TypeAlias = dict[int, tuple[int, int]]


def check_name(octets: bytes, at: int, known: Known, ttls: list[int]) -> tuple[int, int]:
    """The offset behind the name at ``at``, and its size when written out. Raises WireError.

    As ``read_name``, but for one thing more: a name must not lie where numbers or addresses of earlier records are, as
    those change while an answer is kept. ``ttls`` are the offsets of the TTL fields of those records. Most names are
    pointers to known ones; what is found is added to them.
    """
    offset = piece = at
    size = end = pointers = 0
    pieces = [(at, 0, 0)]
    try:
        while True:
            length = octets[offset]
            if 0 < length <= MAX_LABEL:
                offset += 1 + length
                size += 1 + length
                if size > MAX_NAME:
                    break
                continue
            if 0 < length < 0xC0:
                raise WireError("label type is not known")
            behind = offset + (2 if length else 1)
            if pointers and _is_in_fields(octets, piece, behind, ttls):
                raise WireError("name lies in the fields of a record")
            end = end or behind
            if not length:
                size += 1
                break
            target = (length & 0x3F) << 8 | octets[offset + 1]
            pointers += 1
            if target >= piece or target < HEADER_SIZE:
                raise WireError("compression pointer does not lead back to a name")
            if target in known:
                size, pointers = size + known[target][0], pointers + known[target][1]
                break
            offset = piece = target
            pieces.append((piece, size, pointers))
    except IndexError:
        raise WireError("name is cut off") from None
    if size > MAX_NAME or pointers > MAX_POINTERS:
        raise WireError("name is too long or has too many pointers")
    for piece, size_before, pointers_before in pieces:
        known[piece] = size - size_before, pointers - pointers_before
    return end, size


def check_rdata(octets: bytes, rtype: int, at: int, length: int, known: Known, ttls: list[int]) -> int:
    """How many octets the names in rdata are when written out. Raises WireError where they cannot be read."""
    layout = NAMED_TYPES.get(rtype)
    if layout is None:
        return 0
    end, total = at + length, 0
    for part in layout:
        if isinstance(part, int):
            at += part
        elif part == NAME:
            at, size = check_name(octets, at, known, ttls)
            total += size
        else:
            at += 1 + octets[at] if at < end else 1
    if at > end:
        raise WireError("name in rdata runs past its record")
    return total


def _is_in_fields(octets: bytes, begin: int, end: int, ttls: list[int]) -> bool:
    """Whether the octets from ``begin`` to ``end`` touch the fields in front of rdata, or an address."""
    index = bisect_left(ttls, end + 4) - 1  # the last record whose type begins before ``end``
    if index < 0:
        return False
    at = ttls[index]
    rtype = octets[at - 4] << 8 | octets[at - 3]
    return begin < at + 6 + ADDRESS_SIZES.get(rtype, 0)
