"""The client subnet option of EDNS (RFC 7871)."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Final, NamedTuple

from resolver.errors import EdnsError
from resolver.wire.constants import OPTION_ECS
from resolver.wire.edns import option, options

IPV4: Final = 1
IPV6: Final = 2
BITS: Final = {IPV4: 32, IPV6: 128}  # address family numbers of IANA
_HEAD: Final = 4  # octets in front of the address


class ClientSubnet(NamedTuple):
    """Family, the two prefix lengths, and as many octets of the address as ``source`` bits need."""

    family: int
    source: int
    scope: int
    address: bytes

    def cut(self, bits: int) -> ClientSubnet:
        """The subnet with at most so many bits."""
        return self if bits >= self.source else self._replace(source=bits, address=prefix(self.address, bits))

    def option(self) -> bytes:
        """As an EDNS option."""
        head = bytes((self.family >> 8, self.family & 0xFF, self.source, self.scope))
        return option(OPTION_ECS, head + self.address)


def subnet_of(edns_options: bytes) -> ClientSubnet | None:
    """The client subnet among EDNS options, None without one. Raises EdnsError where it is broken or there twice."""
    found = [payload for code, payload in options(edns_options) if code == OPTION_ECS]
    if len(found) > 1:
        raise EdnsError("there are several client subnets")
    return _read(found[0]) if found else None


def subnet_around(address: IPv4Address | IPv6Address, bits: int) -> ClientSubnet:
    """The subnet of that many bits that an address is in."""
    return ClientSubnet(IPV4 if address.version == 4 else IPV6, bits, 0, prefix(address.packed, bits))


def prefix(address: bytes, bits: int) -> bytes:
    """So many bits of an address in as few octets as hold them, other bits 0."""
    whole, rest = divmod(bits, 8)
    if not rest:
        return address[:whole]
    return address[:whole] + bytes((address[whole] & 0xFF << 8 - rest & 0xFF,))


def _read(payload: bytes) -> ClientSubnet:
    """Section 6: neither fewer nor more octets than the prefix needs, no bits behind it."""
    if len(payload) < _HEAD:
        raise EdnsError("client subnet is cut off")
    family, source, scope, address = payload[0] << 8 | payload[1], payload[2], payload[3], payload[_HEAD:]
    bits = BITS.get(family, 0)  # without a family nothing but an empty prefix makes sense
    if bits == 0 and family:
        raise EdnsError(f"client subnet of the unknown family {family}")
    if source > bits or scope > bits:
        raise EdnsError("client subnet has a prefix longer than an address")
    if len(address) != (source + 7) // 8 or prefix(address, source) != address:
        raise EdnsError("client subnet has an address that does not fit its prefix")
    return ClientSubnet(family, source, scope, address)
