"""Taking in what came from below: judged, brought to one TTL, kept where it may be."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import Final, NamedTuple

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.errors import WireError
from resolver.plugins.cache.contents import Contents
from resolver.plugins.cache.entry import ANSWERS, FOR_ALL, INSIDE, Head, pack
from resolver.plugins.cache.metrics import Meters
from resolver.plugins.cache.replies import is_inside, may_see_ad
from resolver.plugins.cache.settings import Settings
from resolver.plugins.cache.signatures import out_of_date
from resolver.plugins.cache.subnet import answer_is_for_all, asks_for_subnet
from resolver.plugins.cache.verdict import Kind, Verdict, judge, passing, same_question
from resolver.wire.constants import AD, NOERROR, NXDOMAIN, RA, RD, TC
from resolver.wire.names import suffixes
from resolver.wire.records import Body
from resolver.wire.ttl import with_ttl

QUESTION_SIZE: Final = 5  # octets behind the name in a key: type, class, and the bits of CD and DO


class Taken(NamedTuple):
    """``reply`` as the client may have it, ``entry`` where it was kept.

    ``accepted`` says that it may stand in for the answer that was to be refreshed; always so without one.
    """

    reply: Reply
    entry: bytes | None
    accepted: bool


class Keeper:
    """Decides what of an answer is kept, and puts it there.

    An answer that is live is passed on with its leave to be replayed: what it was made from is in memory anyway, and it
    is withdrawn when that changes, which an answer kept here would not be.
    """

    def __init__(self, settings: Settings, contents: Contents, wall_clock: Callable[[], float] = time.time) -> None:
        self.settings = settings
        self._wall_clock = wall_clock
        self.contents = contents
        self._prefer_positive = settings.stale is not None and settings.stale.prefer_positive

    def take(
        self, query: Query, reply: Reply, key: bytes, now: float, meters: Meters, replaced: Head | None = None
    ) -> Taken:
        """Take in an answer; ``replaced`` is the head of the entry that it was to refresh."""
        if reply.silent:
            return Taken(reply, None, replaced is None)
        if not same_question(query, reply):
            meters.drops.value += 1
            return Taken(_first(query, reply, reply.body), None, replaced is None)
        try:
            verdict = judge(query, reply, self.settings)
            if query.do and verdict.kind < Kind.ERROR and out_of_date(reply.body, int(self._wall_clock())):
                verdict = passing(self.settings)
            body = reply.body if verdict.is_level else _level(reply.body, verdict.shown)
        except WireError:
            return Taken(_first(query, reply, reply.body), None, replaced is None)
        if reply.replay is not None and reply.replay.live:
            self.contents.forget(key)  # was known from elsewhere before
            return Taken(reply.with_body(body), None, True)
        accepted = replaced is None or self._refreshes(replaced, query, reply, verdict)
        entry = None
        if accepted or self._prefer_positive:
            entry = self._keep(query, reply, key, now, verdict, body)
        if replaced is not None and accepted and entry is None and not self._prefer_positive:
            self.contents.forget(key)  # what was known is no longer so, and the news cannot be kept
        return Taken(_first(query, reply, body), entry, accepted)

    def _refreshes(self, replaced: Head, query: Query, reply: Reply, verdict: Verdict) -> bool:
        """Whether the answer says what is so now (RFC 8767 section 4), rather than that nobody knows."""
        if reply.flags & TC or reply.rcode not in (NOERROR, NXDOMAIN) or _is_unhelpful(query, verdict):
            return False
        if self._prefer_positive and replaced.rcode == NOERROR and replaced.flags & ANSWERS:
            return verdict.kind is Kind.SUCCESS and verdict.answers
        return True

    def _keep(self, query: Query, reply: Reply, key: bytes, now: float, verdict: Verdict, body: Body) -> bytes | None:
        kind = verdict.kind
        if kind is Kind.PASSING or verdict.life <= 0 or _is_unhelpful(query, verdict):
            return None
        asked = query.edns.options if query.edns is not None else b""
        by_subnet = asked != b"" and asks_for_subnet(asked)
        if by_subnet:
            key = key[: len(query.name) + QUESTION_SIZE]
        if reply.options and not answer_is_for_all(reply.options):
            scoped = self.contents.scopes.note(key, asked, reply.options) if by_subnet else None
            if scoped is None:
                return None
            key = scoped
        settings = self.settings
        if covers(settings.not_success if kind is Kind.SUCCESS else settings.not_denial, query.name):
            return None
        flags = reply.flags & (RA | AD) | (ANSWERS if verdict.answers else 0)
        if by_subnet:
            flags |= FOR_ALL
        if is_inside(reply):
            flags |= INSIDE
        entry = pack(now, verdict.life, verdict.shown, reply.rcode, flags, body)
        return entry if self._put(key, entry, verdict) else None

    def _put(self, key: bytes, entry: bytes, verdict: Verdict) -> bool:
        """The newest word on a key counts, except that prefer_positive never gives up an answer for lack of one."""
        contents = self.contents
        if verdict.kind is Kind.SUCCESS and (verdict.answers or not self._prefer_positive):
            kept = contents.success.put(key, entry)
            contents.denial.remove(key)
            return kept
        if verdict.kind is Kind.DENIAL and not self._prefer_positive:
            contents.success.remove(key)
        return contents.denial.put(key, entry)


def _is_unhelpful(query: Query, verdict: Verdict) -> bool:
    """Whether an upstream that was not to recurse gave a referral or a failure, which is no answer for others."""
    return not (query.flags & RD or verdict.answers or verdict.kind is Kind.DENIAL)


def covers(zones: Collection[bytes], name: bytes) -> bool:
    """Whether the name is one of the zones or below one; all in lower case."""
    return bool(zones) and any(suffix in zones for suffix in suffixes(name))


def _level(body: Body, ttl: int) -> Body:
    """The body with every TTL at ``ttl``."""
    if not body.ttls:
        return body
    return body._replace(data=with_ttl(body.data, body.ttls, ttl))


def _first(query: Query, reply: Reply, body: Body) -> Reply:
    """The answer for the client that waited for it: not replayed, because the next one will be authoritative."""
    flags = reply.flags if may_see_ad(query) else reply.flags & ~AD
    source = "cache" if reply.source else ""  # where nobody answered it was not the cache either
    first = Reply(reply.question, reply.rcode, flags, reply.options, source, None, reply.error, reply.upstream, body)
    first.inside = is_inside(reply)
    return first
