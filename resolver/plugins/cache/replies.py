"""From entries to replies."""

from __future__ import annotations

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply
from resolver.plugins.cache.entry import INSIDE, RawHead, body_of
from resolver.wire.constants import (
    AA,
    AD,
    EDE_CACHED_ERROR,
    EDE_STALE_ANSWER,
    EDE_STALE_NXDOMAIN,
    NOTIMP,
    NXDOMAIN,
    RA,
    SERVFAIL,
)
from resolver.wire.edns import extended_error

ERRORS = frozenset((SERVFAIL, NOTIMP))
_ELSEWHERE = frozenset(("", "forward", "grpc"))
_CACHED_ERROR = extended_error(EDE_CACHED_ERROR)
_STALE_ANSWER = extended_error(EDE_STALE_ANSWER)
_STALE_NXDOMAIN = extended_error(EDE_STALE_NXDOMAIN)


def is_inside(reply: Reply) -> bool:
    """Whether a part of this server answered, and no other server."""
    return not reply.upstream and reply.source not in _ELSEWHERE


def may_see_ad(query: Query) -> bool:
    """Whether the client asked to be told of authenticated data (RFC 6840 sections 5.7 and 5.8)."""
    return bool(query.flags & AD) or query.do


def fresh_reply(query: Query, entry: bytes, head: RawHead, ttl: int, replay: Replay | None) -> Reply:
    """What the entry answers while its time is not over, with ``ttl`` left.

    AA is set because some stub resolvers throw answers away that lack it; CoreDNS does the same.
    """
    flags = head[4] & (RA | AD) | AA
    if flags & AD and not may_see_ad(query):
        flags &= ~AD
    rcode = head[3]
    options = _CACHED_ERROR if rcode in ERRORS else b""
    reply = Reply(query.question, rcode, flags, options, "cache", replay, "", "", body_of(entry, head, ttl))
    reply.inside = bool(head[4] & INSIDE)
    return reply


def stale_reply(query: Query, entry: bytes, head: RawHead, ttl: int, replay: Replay | None) -> Reply:
    """What the entry answered once, marked as stale (RFC 8767, RFC 8914 sections 4.4 and 4.20)."""
    reply = fresh_reply(query, entry, head, ttl, replay)
    reply.options = _STALE_NXDOMAIN if head[3] == NXDOMAIN else _STALE_ANSWER
    return reply
