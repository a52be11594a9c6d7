"""The rdata of types that are rare in zones, read with dnspython, and of types that nobody knows."""

from __future__ import annotations

import binascii
from collections.abc import Sequence

from resolver.errors import WireError
from resolver.wire.names import to_text
from resolver.zone.text_rdata import number


def any_rdata(rtype: int, words: Sequence[bytes], origin: bytes) -> bytes:
    """The octets of rdata in the notation of its type. Raises WireError."""
    from dns import exception, name, rdata, rdataclass, rdatatype  # here, since most zones do without

    text = _joined(words).decode("utf-8", "surrogateescape")
    try:
        base = name.from_text(to_text(origin))
        read = rdata.from_text(rdataclass.IN, rdatatype.RdataType.make(rtype), text, origin=base, relativize=False)
        octets = read.to_wire()
    except (exception.DNSException, ValueError) as error:
        raise WireError(f"the record cannot be read: {error}") from None
    if octets is None or len(octets) > 0xFFFF:
        raise WireError("the record is longer than 65535 octets")
    return octets


def _joined(words: Sequence[bytes]) -> bytes:
    """The words as one text; ``alpn="h2"`` is one word (RFC 9460 section 2.1), though its value is in quotes."""
    parts: list[bytes] = []
    for word in words:
        if parts and not (word.startswith(b'"') and parts[-1].endswith(b"=")):
            parts.append(b" ")
        parts.append(word)
    return b"".join(parts)


def generic_rdata(rtype: int, words: Sequence[bytes]) -> bytes:
    """The octets of ``\\# LENGTH HEX`` (RFC 3597 section 5), which must make sense for the type. Raises WireError."""
    from dns import exception, rdata, rdataclass, rdatatype

    if not words:
        raise WireError("\\# needs a length and hexadecimal digits")
    octets = binascii.unhexlify(b"".join(words[1:]))
    if number(words[0]) != len(octets) or len(octets) > 0xFFFF:
        raise WireError(f"\\# says {number(words[0])} octets and has {len(octets)}")
    try:
        rdata.from_wire(rdataclass.IN, rdatatype.RdataType.make(rtype), octets, 0, len(octets))
    except (exception.DNSException, ValueError) as error:
        raise WireError(f"the octets are no record of this type: {error}") from None
    return octets
