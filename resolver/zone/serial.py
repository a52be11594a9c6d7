"""Serial numbers of zones (RFC 1982)."""

from __future__ import annotations

from typing import Final

from resolver.wire.records import Record

_HALF: Final = 1 << 31
_ALL: Final = (1 << 32) - 1


def is_newer(serial: int, other: int) -> bool:
    """Whether a serial number comes behind another one."""
    return 0 < (serial - other & _ALL) < _HALF


def serial_of(soa: Record) -> int:
    """The serial number in a SOA record whose rdata is whole."""
    return int.from_bytes(soa.rdata[-20:-16], "big")
