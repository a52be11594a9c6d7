"""To which account an answer goes: answers of one account are the same to who is flooded with them."""

from __future__ import annotations

from collections.abc import Hashable

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.errors import WireError
from resolver.plugins.rrl.settings import ERROR, NODATA, NXDOMAIN, REFERRAL, RESPONSE
from resolver.wire import constants
from resolver.wire.records import Body


def account_of(query: Query, reply: Reply) -> tuple[str, Hashable]:
    """The kind of an answer, and what tells its account from others of that kind."""
    body = reply.body
    if body.answers:
        return RESPONSE, (query.name, query.qtype)
    if reply.rcode == constants.NXDOMAIN:
        return NXDOMAIN, _zone(reply, body)
    if reply.rcode != constants.NOERROR:
        return ERROR, None
    if body.authorities and _first_type(reply) == constants.NS:
        return REFERRAL, _zone(reply, body)
    return NODATA, query.name


def _zone(reply: Reply, body: Body) -> bytes:
    """The zone that a denial or a referral is about, so that names made up at random share an account."""
    try:
        return reply.sections.authority[0].owner.lower() if body.authorities else b""
    except WireError:
        return b""


def _first_type(reply: Reply) -> int:
    try:
        return reply.sections.authority[0].type
    except WireError:
        return 0
