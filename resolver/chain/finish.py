"""The last step: a reply becomes the octets that leave."""

from __future__ import annotations

from struct import Struct

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.wire.constants import (
    CD,
    HEADER_SIZE,
    MIN_UDP_SIZE,
    OPCODE_MASK,
    OPTION_EDE,
    OPTION_PADDING,
    QR,
    RCODE_MASK,
    RD,
    SERVFAIL,
    TC,
)
from resolver.wire.edns import Edns, has_option, option, write_opt
from resolver.wire.records import Body
from resolver.wire.truncate import fit

_HEADER = Struct("!HHHHHH")
_ECHOED = OPCODE_MASK | RD | CD
_TRUNCATED = TC >> 8
_ENCRYPTED = frozenset(("tls", "https", "https3", "quic", "grpc"))
_OPTION_HEAD = 4
_PADDED_TO = 468  # octets (RFC 8467 section 4.1)


def finish(query: Query, reply: Reply, body: Body | None = None) -> bytes:
    """The message that answers ``query`` with ``reply`` (or another ``body``), within what the client can take.

    OPT is sent to those who sent one and to nobody else (RFC 6891 section 6.1.1), with their size and DO echoed; they
    alone can be told a code above 15. Empty where the reply is silent. Raises WireError for records that cannot be
    encoded.
    """
    if reply.silent:
        return b""
    if body is None:
        body = reply.body
    edns = query.edns
    question = query.question
    rcode = reply.rcode
    flags = QR | query.flags & _ECHOED & ~reply.unset | reply.flags
    opt = options = b""
    if edns is not None:
        options = reply.options
        opt = write_opt(max(edns.size, MIN_UDP_SIZE), do=edns.do, options=options, rcode=rcode)
    elif rcode > RCODE_MASK:
        rcode = SERVFAIL
    room = query.reply_limit - HEADER_SIZE - len(question) - len(opt)
    if len(body.data) > room:
        if edns is not None and options:  # they go before any record does (RFC 8914 section 3)
            opt = write_opt(max(edns.size, MIN_UDP_SIZE), do=edns.do, rcode=rcode)
            room += len(options)
            if has_option(options, OPTION_EDE):
                flags |= TC
            options = b""
        body, cut = fit(question, body, room)
        if cut:
            flags |= TC
    if edns is not None and edns.options and query.transport in _ENCRYPTED:
        opt = _padded(edns, opt, options, rcode, HEADER_SIZE + len(question) + len(body.data))
    counts = (1, body.answers, body.authorities, body.additionals + (1 if opt else 0))
    return _HEADER.pack(query.id, flags | rcode & RCODE_MASK, *counts) + question + body.data + opt


def _padded(edns: Edns, opt: bytes, options: bytes, rcode: int, before: int) -> bytes:
    """OPT with padding behind its options, for clients that sent some (RFC 7830 section 4)."""
    if not has_option(edns.options, OPTION_PADDING):
        return opt
    missing = -(before + len(opt) + _OPTION_HEAD) % _PADDED_TO
    padding = option(OPTION_PADDING, bytes(missing))
    return write_opt(max(edns.size, MIN_UDP_SIZE), do=edns.do, options=options + padding, rcode=rcode)


def repeats(query: Query, reply: Reply, octets: bytes) -> list[tuple[bytes, tuple[int, ...]]]:
    """The variants in which a reply may be replayed: whole messages, each with the offsets of TTL fields that age.

    ``octets`` is what ``finish`` made of the reply itself. Empty when an answer was truncated: the client is about to
    ask over TCP, and whoever repeats the question should be told by the chain. Raises WireError.
    """
    leave = reply.replay
    start = HEADER_SIZE + len(query.question)
    opts = query.edns is not None
    ages = leave is None or leave.base is not None
    messages = []
    for body in (leave.variants if leave is not None else ()) or (reply.body,):
        message = octets if body is reply.body else finish(query, reply, body)
        if message[2] & _TRUNCATED:
            return []
        _, _, _, answers, authorities, additionals = _HEADER.unpack_from(message)
        kept = answers + authorities + additionals - opts  # additional records may have had to go
        messages.append((message, tuple([start + at for at in body.ttls[:kept]]) if ages else ()))
    return messages
