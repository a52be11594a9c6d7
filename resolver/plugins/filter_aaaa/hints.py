"""The ``ipv6hint`` parameter of SVCB and HTTPS records (RFC 9460)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from resolver.errors import WireError
from resolver.wire.names import plain_name

_PARAMETER = Struct("!HH")
_MANDATORY, _IPV6HINT = 0, 6


def without_hints(rdata: bytes) -> bytes:
    """The rdata without ``ipv6hint``, which is not mandatory any more either. Raises WireError for broken rdata."""
    _, start = plain_name(rdata, 2)
    kept = [(key, value) for key, value in _parameters(rdata, start) if key != _IPV6HINT]
    fields = [(key, _others(value) if key == _MANDATORY else value) for key, value in kept]
    return rdata[:start] + b"".join(
        _PARAMETER.pack(key, len(value)) + value for key, value in fields if value or key != _MANDATORY
    )


def _parameters(rdata: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    while offset < len(rdata):
        if offset + 4 > len(rdata):
            raise WireError("a service parameter is cut off")
        key, length = _PARAMETER.unpack_from(rdata, offset)
        offset += 4
        if offset + length > len(rdata):
            raise WireError("a service parameter is cut off")
        yield key, rdata[offset : offset + length]
        offset += length


def _others(mandatory: bytes) -> bytes:
    """The keys that must be understood, without that of the hint."""
    hint = _IPV6HINT.to_bytes(2, "big")
    keys = [mandatory[at : at + 2] for at in range(0, len(mandatory), 2)]
    return b"".join(key for key in keys if key != hint)
