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
_QUESTION: Final = b"\xc0\x0c"  # an owner: the name that was asked for
_RDATA_AT: Final = 6  # octets from the TTL of a record to its data
_LABELS_AT: Final = _RDATA_AT + 3  # and to the number of labels, in a signature


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
    labels = _signed_labels(query.name, reply) if query.do else None
    if labels is None or query.name.startswith(b"\1*"):
        return b""
    above = list(suffixes(query.name))
    missing = len(above) - 1 - labels
    return b"\1*" + above[missing] if missing > 0 else b""


def _signed_labels(name: bytes, reply: Reply) -> int | None:
    """Of how many labels the signed owner of the records for ``name`` is, a star not counted."""
    data, ttls, answers = reply.body.data, reply.body.ttls, reply.body.answers
    for at in ttls[:answers]:
        if data[at - 4 : at] == _SIGNATURE:
            if data[at - 6 : at - 4] == _QUESTION:
                return data[at + _LABELS_AT] if at + _LABELS_AT < len(data) else None
            break
    else:
        return None
    try:
        records = reply.sections.answer  # the owner is spelled out
    except WireError:
        return None
    own = [one.rdata for one in records if one.type == constants.RRSIG and one.owner.lower() == name]
    return own[0][_LABELS_AT - _RDATA_AT] if own and len(own[0]) > _LABELS_AT - _RDATA_AT else None


def _first_type(reply: Reply) -> int:
    try:
        return reply.sections.authority[0].type
    except WireError:
        return 0
