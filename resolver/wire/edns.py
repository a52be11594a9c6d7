"""The OPT record and its options (RFC 6891), extended errors (RFC 8914)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from resolver.errors import EdnsError, WireError
from resolver.wire.constants import MAX_MESSAGE, OPT, OPTION_EDE

_FIXED = Struct("!BHHBBHH")  # root owner, OPT, UDP size, upper rcode bits, version, flags, rdata length
_OPTION = Struct("!HH")
DO = 0x8000
_LONGEST_TEXT: Final = 128


class Edns(NamedTuple):
    """What one side said with OPT: UDP size in octets, version, the DO bit, the options as octets."""

    size: int
    do: bool = False
    version: int = 0
    options: bytes = b""
    upper_rcode: int = 0


def read_opt(size: int, ttl: int, rdata: bytes) -> Edns:
    """OPT from a record's class, TTL and rdata. Raises EdnsError where the options do not add up.

    What stands in OPT of another version than 0 is not known and left out.
    """
    version = ttl >> 16 & 0xFF
    if version:
        rdata = b""
    elif rdata:
        for _ in options(rdata):
            pass
    return Edns(size, ttl & DO != 0, version, rdata, ttl >> 24)


def write_opt(size: int, *, do: bool = False, options: bytes = b"", rcode: int = 0, version: int = 0) -> bytes:
    """The OPT record as octets; ``rcode`` is the full twelve-bit one, of which OPT carries the upper part."""
    return _FIXED.pack(0, OPT, size, rcode >> 4, version, DO if do else 0, len(options)) + options


def options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each option as (code, payload). Raises EdnsError where lengths do not add up."""
    offset = 0
    while offset < len(data):
        if offset + 4 > len(data):
            raise EdnsError("EDNS option is cut off")
        code, length = _OPTION.unpack_from(data, offset)
        offset += 4
        if offset + length > len(data):
            raise EdnsError("EDNS option is cut off")
        yield code, data[offset : offset + length]
        offset += length


def has_option(data: bytes, code: int) -> bool:
    """Whether an option of that code is among the options. Raises EdnsError where lengths do not add up."""
    return any(number == code for number, _ in options(data))


def option(code: int, payload: bytes) -> bytes:
    """One option as octets. Raises WireError for a payload that is too long for one."""
    if len(payload) > MAX_MESSAGE:
        raise WireError("EDNS option is too long")
    return _OPTION.pack(code, len(payload)) + payload


def without_options(data: bytes, codes: frozenset[int]) -> bytes:
    """The options without those of the given codes."""
    return b"".join(option(code, payload) for code, payload in options(data) if code not in codes)


def extended_error(code: int, text: str = "") -> bytes:
    """An Extended DNS Error option (RFC 8914 section 2); the text is for people and is kept short."""
    words = text.encode(errors="replace")[:_LONGEST_TEXT].decode(errors="ignore")  # no half character at the cut
    return option(OPTION_EDE, code.to_bytes(2, "big") + words.encode())
