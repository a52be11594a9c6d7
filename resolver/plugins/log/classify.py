"""Sorting answers into types and classes, from their octets alone."""

from __future__ import annotations

from typing import Final

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.wire.constants import AXFR, IXFR, NOERROR, NOTIMP, NS, NXDOMAIN, RRSIG, SERVFAIL, SOA
from resolver.wire.records import Body

CLASSES: Final = frozenset(("success", "denial", "error"))
_CLASS_OF: Final = {"NOERROR": "success", "DELEGATION": "success", "NXDOMAIN": "denial", "NODATA": "denial"}


def class_of(answer_type: str) -> str:
    """``success``, ``denial`` or ``error``."""
    return _CLASS_OF.get(answer_type, "error")


def type_of(query: Query, reply: Reply, now: float) -> str:
    """What kind of answer it is: NOERROR, NODATA, NXDOMAIN, DELEGATION, SERVERERROR, META or OTHERERROR.

    ``now`` is in seconds since 1970: for clients that want DNSSEC an expired signature is an error.
    """
    if query.qtype in (AXFR, IXFR):
        return "META"
    body, rcode = reply.body, reply.rcode
    if query.do and _has_expired_signature(body, int(now)):
        return "OTHERERROR"
    if body.answers and rcode in (NOERROR, NXDOMAIN):
        return "NOERROR" if rcode == NOERROR else "OTHERERROR"
    if rcode == NXDOMAIN:
        return "NXDOMAIN"
    if rcode in (SERVFAIL, NOTIMP):
        return "SERVERERROR"
    if rcode != NOERROR:
        return "OTHERERROR"
    authority = [_type_at(body, at) for at in body.ttls[body.answers : body.answers + body.authorities]]
    return "NODATA" if SOA in authority else "DELEGATION" if NS in authority else "NOERROR"


def _type_at(body: Body, ttl_at: int) -> int:
    return body.data[ttl_at - 4] << 8 | body.data[ttl_at - 3]


def _has_expired_signature(body: Body, now: int) -> bool:
    """Whether any RRSIG is outside of its time (RFC 4034 section 3.1.5: serial number arithmetic)."""
    for ttl_at in body.ttls:
        if _type_at(body, ttl_at) == RRSIG:
            times = body.data[ttl_at + 14 : ttl_at + 22]
            expires, begins = int.from_bytes(times[:4], "big"), int.from_bytes(times[4:], "big")
            if (expires - now) % 2**32 >= 2**31 or (now - begins) % 2**32 >= 2**31:
                return True
    return False
