"""The header that proxies put in front of a connection's octets or of a datagram (PROXY protocol, versions 1 and 2)."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from resolver.errors import WireError

SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
LONGEST: Final = 4096  # octets of a header that we take; what stands behind the addresses is up to the proxy
_LONGEST_LINE: Final = 107  # of version 1, line end included
_START: Final = b"PROXY "
_LINE = re.compile(rb"PROXY (?:UNKNOWN[^\r\n]*|(TCP[46]) (\S+) (\S+) ([0-9]{1,5}) ([0-9]{1,5}))\r\n")

STREAM, DATAGRAM = 1, 2


class Header(NamedTuple):
    """``length`` octets of header; ``source`` is who the proxy speaks for, None where it speaks for itself.

    ``kind`` is STREAM, DATAGRAM or 0 where the header does not say.
    """

    length: int
    version: int
    source: tuple[str, int] | None = None
    kind: int = 0


def read_header(octets: bytes) -> Header | None:
    """The header at the start, None where there is none. Raises WireError for one that is broken or cut off."""
    if octets.startswith(SIGNATURE):
        header = _version_2(octets)
    elif octets.startswith(_START):
        header = _version_1(octets)
    else:
        return None
    if header is None:
        raise WireError("PROXY header is cut off")
    return header


def is_incomplete(octets: bytes) -> bool:
    """Whether more octets are needed to tell if there is a header, and what it says. Raises WireError."""
    for start in (SIGNATURE, _START):
        if start.startswith(octets[: len(start)]):
            if len(octets) < len(start):
                return True
            return (_version_2 if start is SIGNATURE else _version_1)(octets) is None
    return False


def _version_1(octets: bytes) -> Header | None:
    end = octets.find(b"\r\n", 0, _LONGEST_LINE)
    if end < 0:
        if len(octets) >= _LONGEST_LINE:
            raise WireError("PROXY line has no end")
        return None
    found = _LINE.fullmatch(octets, 0, end + 2)
    if found is None:
        raise WireError("PROXY line is malformed")
    if found[1] is None:
        return Header(end + 2, 1)
    family = IPv4Address if found[1] == b"TCP4" else IPv6Address
    try:
        source = family(found[2].decode("ascii"))
        family(found[3].decode("ascii"))
    except ValueError:
        raise WireError("PROXY line has no addresses of its family") from None
    if isinstance(source, IPv6Address) and source.scope_id is not None:  # any text may stand there
        raise WireError("PROXY line has an address with a scope")
    if int(found[4]) > 65535 or int(found[5]) > 65535:
        raise WireError("PROXY line has a port out of range")
    return Header(end + 2, 1, (_text(source), int(found[4])), STREAM)


def _version_2(octets: bytes) -> Header | None:
    if len(octets) < 16:
        return None
    command, family, size = octets[12], octets[13], int.from_bytes(octets[14:16], "big")
    length = 16 + size
    if command & 0xF0 != 0x20 or command & 0x0F > 1 or family >> 4 > 3 or family & 0x0F > 2:
        raise WireError("PROXY header of an unknown version, command or family")
    if length > LONGEST:
        raise WireError("PROXY header is too long")
    if len(octets) < length:
        return None
    kind = family & 0x0F
    if command & 0x0F == 0 or family >> 4 not in (1, 2):
        return Header(length, 2, kind=kind)
    width = 4 if family >> 4 == 1 else 16
    if size < 2 * width + 4:
        raise WireError("PROXY header is too short for its addresses")
    address = bytes(octets[16 : 16 + width])
    host = _text(IPv4Address(address) if width == 4 else IPv6Address(address))
    port = int.from_bytes(octets[16 + 2 * width : 18 + 2 * width], "big")
    return Header(length, 2, (host, port), kind)


def _text(address: IPv4Address | IPv6Address) -> str:
    """An address as everybody spells it: an IPv4 client of a proxy's IPv6 socket is an IPv4 client."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)
