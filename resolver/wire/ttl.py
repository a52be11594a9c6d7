"""TTL fields of encoded records: rewriting them in place of encoding anew."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

from resolver.wire.records import Body

_TTL = Struct("!I")


def ttls(body: Body) -> list[int]:
    """The TTLs of all records in seconds, in order."""
    return [_TTL.unpack_from(body.data, offset)[0] for offset in body.ttls]


def aged(data: bytes, offsets: Iterable[int], seconds: int, floor: int = 0) -> bytes:
    """``data`` with the TTLs at ``offsets`` lowered by ``seconds``, none below ``floor``."""
    out = bytearray(data)
    for offset in offsets:
        (ttl,) = _TTL.unpack_from(out, offset)
        _TTL.pack_into(out, offset, max(ttl - seconds, floor))
    return bytes(out)


def with_ttl(data: bytes, offsets: Iterable[int], ttl: int) -> bytes:
    """``data`` with every TTL set to ``ttl`` seconds."""
    out = bytearray(data)
    for offset in offsets:
        _TTL.pack_into(out, offset, ttl)
    return bytes(out)


def capped(data: bytes, offsets: Iterable[int], low: int, high: int) -> bytes:
    """``data`` with every TTL brought between ``low`` and ``high`` seconds."""
    out = bytearray(data)
    for offset in offsets:
        (ttl,) = _TTL.unpack_from(out, offset)
        _TTL.pack_into(out, offset, min(max(ttl, low), high))
    return bytes(out)
