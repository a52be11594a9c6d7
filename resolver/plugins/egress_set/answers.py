"""Which addresses an answer tells, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import Final

from resolver.policy.addresses import hinted
from resolver.wire.constants import AAAA, HTTPS, MX, NAPTR, SRV, SVCB, A
from resolver.wire.records import Body
from resolver.wire.ttl import capped

MOST: Final = 1024  # addresses in one answer
_TTL = Struct("!I")
_LEADS_ON: Final = frozenset((SRV, MX, NAPTR, SVCB, HTTPS))
_NOWHERE: Final = frozenset((bytes(4), bytes(16)))


def told(bodies: Iterable[Body], qtype: int) -> dict[bytes, int]:
    """The addresses (4 or 16 octets) that a client may use, with the highest of their TTLs in seconds.

    Those of the additional section are for questions whose answers are names that clients then connect to. Addresses in
    the section of authority are nobody's business.
    """
    found: dict[bytes, int] = {}
    for body in bodies:
        for address, ttl in _addresses(body, qtype in _LEADS_ON):
            if ttl >= found.get(address, 0) and address not in _NOWHERE:
                found[address] = ttl
    return found


def _addresses(body: Body, leads_on: bool) -> Iterator[tuple[bytes, int]]:
    data, records = body.data, body.ttls[: body.answers]
    for at in (*records, *body.ttls[body.answers + body.authorities :]) if leads_on else records:
        rtype = data[at - 4] << 8 | data[at - 3]
        if rtype not in (A, AAAA, HTTPS, SVCB):
            continue
        (ttl,) = _TTL.unpack_from(data, at)
        rdata = data[at + 6 : at + 6 + (data[at + 4] << 8 | data[at + 5])]
        if rtype in (A, AAAA):
            if len(rdata) == (4 if rtype == A else 16):
                yield rdata, ttl
        else:
            for address in hinted(rdata):
                yield address, ttl


def shortened(body: Body, highest: int) -> Body:
    """The same records with no TTL above ``highest`` seconds."""
    return body._replace(data=capped(body.data, body.ttls, 0, highest))
