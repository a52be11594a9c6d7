"""Whether the signatures in an answer hold at the time it came (RFC 4034 section 3.1.5)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from resolver.wire.constants import RRSIG
from resolver.wire.records import Body

_TYPE_AND_LENGTH: Final = Struct("!H6xH")  # around class and TTL
_EXPIRATION_AND_INCEPTION: Final = Struct("!II")
_BEFORE_EXPIRATION: Final = 8  # octets of type covered, algorithm, labels and original TTL
_WRAP: Final = 1 << 32
_HALF: Final = 1 << 31


def out_of_date(body: Body, now: int) -> bool:
    """Whether any signature has expired or is not valid yet; ``now`` is in seconds since 1970."""
    for at in body.ttls:
        rtype, length = _TYPE_AND_LENGTH.unpack_from(body.data, at - 4)
        if rtype == RRSIG and length >= _BEFORE_EXPIRATION + 8:
            expiration, inception = _EXPIRATION_AND_INCEPTION.unpack_from(body.data, at + 6 + _BEFORE_EXPIRATION)
            # serial number arithmetic, since the fields wrap round in 2106
            if (expiration - now) % _WRAP >= _HALF or (now - inception) % _WRAP >= _HALF:
                return True
    return False
