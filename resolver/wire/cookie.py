"""DNS Cookies (RFC 7873), the server's in the format that all servers share (RFC 9018)."""

from __future__ import annotations

import hmac
from ipaddress import IPv6Address, ip_address
from typing import Final

from resolver.errors import EdnsError
from resolver.wire.constants import OPTION_COOKIE
from resolver.wire.edns import option, options
from resolver.wire.siphash import siphash24

CLIENT_SIZE: Final = 8  # octets
_SERVER_SIZES: Final = range(8, 33)
_VERSION: Final = b"\1\0\0\0"
_SERVER_SIZE: Final = 16
_TIME_AT: Final = 4
_HASH_AT: Final = 8
RENEWED_AFTER: Final = 1800  # seconds, RFC 9018 section 4.3
_OLDEST: Final = 3600  # seconds
_AHEAD: Final = 300  # seconds that the clock of another server may be ahead


def cookie_of(edns_options: bytes) -> tuple[bytes, bytes] | None:
    """The client's and the server's cookie among EDNS options, the latter perhaps empty; None without any.

    Only the first such option counts (RFC 7873 section 5.2). Raises EdnsError for one of a size that cannot be.
    """
    for code, payload in options(edns_options):
        if code == OPTION_COOKIE:
            client, server = payload[:CLIENT_SIZE], payload[CLIENT_SIZE:]
            if len(client) < CLIENT_SIZE or (server and len(server) not in _SERVER_SIZES):
                raise EdnsError("DNS Cookie has a size that no cookie has")
            return client, server
    return None


def cookie_option(client: bytes, server: bytes = b"") -> bytes:
    """Both cookies as an EDNS option."""
    return option(OPTION_COOKIE, client + server)


def bake(secret: bytes, client: bytes, host: str, now: int) -> bytes:
    """The server cookie for a client's cookie and address at a moment in seconds since 1970."""
    head = _VERSION + (now & 0xFFFFFFFF).to_bytes(4, "big")
    return head + siphash24(secret, client + head + _packed(host))


def age(secret: bytes, client: bytes, server: bytes, host: str, now: int) -> int | None:
    """How many seconds old a server cookie is, None where it is not one of the secret or too old.

    The moment is read with serial arithmetic (RFC 1982), so it may overflow; a little less than 0 is another's clock.
    """
    if len(server) != _SERVER_SIZE or server[0] != _VERSION[0]:
        return None
    made = int.from_bytes(server[_TIME_AT:_HASH_AT], "big")
    seconds = (now - made + 0x80000000 & 0xFFFFFFFF) - 0x80000000
    if not -_AHEAD <= seconds <= _OLDEST:
        return None
    expected = siphash24(secret, client + server[:_HASH_AT] + _packed(host))
    return seconds if hmac.compare_digest(expected, server[_HASH_AT:]) else None


def _packed(host: str) -> bytes:
    """The octets of an address; IPv4 clients of an IPv6 socket are what they are."""
    address = ip_address(host.partition("%")[0])
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.packed
