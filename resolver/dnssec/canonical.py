"""Records as the octets that are signed (RFC 4034 section 6, RFC 6840 section 5.1)."""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct

from resolver.errors import WireError
from resolver.wire.constants import IN, MAX_MESSAGE
from resolver.wire.names import plain_name
from resolver.wire.records import NAME, NAMED_TYPES

_HEAD = Struct("!HHI")


def signed_set(owner: bytes, rtype: int, original_ttl: int, rdatas: Iterable[bytes]) -> bytes:
    """The record set behind the fixed part of its signature, for class IN; ``owner`` is a wire name in any spelling.

    Raises WireError for rdata that cannot be read.
    """
    head = owner.lower() + _HEAD.pack(rtype, IN, original_ttl)
    parts: list[bytes] = []
    for rdata in sorted({canonical_rdata(rtype, rdata) for rdata in rdatas}):
        if len(rdata) > MAX_MESSAGE:
            raise WireError("rdata is too long for a record")
        parts += (head, len(rdata).to_bytes(2, "big"), rdata)
    return b"".join(parts)


def canonical_rdata(rtype: int, rdata: bytes) -> bytes:
    """The rdata with its names in lower case, for the types that are old enough for that. Raises WireError."""
    layout = NAMED_TYPES.get(rtype)
    if layout is None:
        return rdata
    if layout == (NAME,):
        return rdata.lower()
    parts: list[bytes] = []
    offset = 0
    for part in layout:
        if part == NAME:
            name, end = plain_name(rdata, offset)
            parts.append(name.lower())
        else:
            end = offset + (part if isinstance(part, int) else 1 + _octet(rdata, offset))
            parts.append(rdata[offset:end])
        offset = end
    parts.append(rdata[offset:])
    return b"".join(parts)


def _octet(rdata: bytes, offset: int) -> int:
    if offset >= len(rdata):
        raise WireError("rdata is cut off")
    return rdata[offset]
