"""To which account an answer goes: answers of one account are the same to who is flooded with them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.errors import WireError
from resolver.plugins.rrl.settings import ERROR, NODATA, NXDOMAIN, REFERRAL, RESPONSE
from resolver.wire import constants
from resolver.wire.names import suffixes
from resolver.wire.records import Body

_SIGNATURE: Final = constants.RRSIG.to_bytes(2, "big") + constants.IN.to_bytes(2, "big")
_LABELS_AT: Final = 3  # in the data of a signature


def account_of(query: Query, reply: Reply, made_from: bytes = b"") -> tuple[str, Hashable]:
    """The kind of an answer, and what tells its account from others of that kind.

    ``made_from`` is the wildcard (or its like) that the answer is known to come from, whose account it then is.
    """
    body = reply.body
    if body.answers:
        return RESPONSE, (made_from or _signed_wildcard(query, reply) or query.name, query.qtype)
    if reply.rcode == constants.NXDOMAIN:
        return NXDOMAIN, _zone(reply, body)
    if reply.rcode != constants.NOERROR:
        return ERROR, None
    if body.authorities and _first_type(reply) == constants.NS:
        return REFERRAL, _zone(reply, body)
    return NODATA, made_from or query.name


def _zone(reply: Reply, body: Body) -> bytes:
    """The zone that a denial or a referral is about, so that names made up at random share an account."""
    try:
        return reply.sections.authority[0].owner.lower() if body.authorities else b""
    except WireError:
        return b""


def _signed_wildcard(query: Query, reply: Reply) -> bytes:
    """The wildcard that a signed answer was made from, as its signature says (RFC 4034 section 3.1.3)."""
    if not query.do or _SIGNATURE not in reply.body.data:
        return b""
    try:
        records = reply.sections.answer
    except WireError:
        return b""
    for record in records:
        if record.type == constants.RRSIG and len(record.rdata) > _LABELS_AT and record.owner.lower() == query.name:
            above = list(suffixes(query.name))
            missing = len(above) - 1 - record.rdata[_LABELS_AT]
            return b"\1*" + above[missing] if missing > 0 and query.name[:2] != b"\1*" else b""
    return b""


def _first_type(reply: Reply) -> int:
    try:
        return reply.sections.authority[0].type
    except WireError:
        return 0
