"""The last step: a reply becomes the octets that leave."""

from __future__ import annotations

from struct import Struct

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.wire.constants import CD, HEADER_SIZE, MIN_UDP_SIZE, OPCODE_MASK, QR, RCODE_MASK, RD, TC
from resolver.wire.edns import write_opt
from resolver.wire.records import Body
from resolver.wire.truncate import fit

_HEADER = Struct("!HHHHHH")
_ECHOED = OPCODE_MASK | RD | CD


def finish(query: Query, reply: Reply, body: Body | None = None) -> bytes:
    """The message that answers ``query`` with ``reply`` (or another ``body``), within what the client can take.

    OPT is sent to those who sent one and to nobody else (RFC 6891 section 6.1.1), with their size and DO echoed.
    """
    if body is None:
        body = reply.body
    edns = query.edns
    flags = QR | query.flags & _ECHOED | reply.flags | reply.rcode & RCODE_MASK
    opt = b""
    if edns is not None:
        size = max(edns.size, MIN_UDP_SIZE)
        opt = write_opt(size, do=edns.do, options=reply.options, rcode=reply.rcode)
    question = query.question
    room = query.reply_limit - HEADER_SIZE - len(question) - len(opt)
    if len(body.data) > room:
        body, cut = fit(question, body, room)
        if cut:
            flags |= TC
    counts = (1, body.answers, body.authorities, body.additionals + (1 if opt else 0))
    return _HEADER.pack(query.id, flags, *counts) + question + body.data + opt
