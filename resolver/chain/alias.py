"""Answers that go on behind an alias: the target is asked of the server itself, as the client would."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Host
from resolver.errors import WireError
from resolver.wire.constants import AA, CNAME, IN, NOERROR, NXDOMAIN, OPTION_EDE, REFUSED, SERVFAIL, TC
from resolver.wire.edns import option, options
from resolver.wire.records import EMPTY_BODY, Record, encode

MAX_RECORDS: Final = 500  # behind one alias, as much as fits a message


async def follow(
    query: Query,
    alias: Record,
    host: Host,
    source: str,
    tags: tuple[Hashable, ...] = (),
    *,
    before: Sequence[Record] = (),
) -> Reply:
    """The alias (a CNAME record), then the answer to the same question about its target (RFC 1034 section 3.6.2).

    The client is told of the alias alone where nobody here serves the target, and of the failure where somebody does.
    An alias that leads back to itself fails too. The alias is live data with ``tags``; ``before`` are other aliases
    that lead to it.
    """
    chain = [*before, alias]
    if alias.rdata.lower() == query.name:
        return failure(query, source, error="the name is an alias of itself")
    found = await ask_target(host, query, alias.rdata, query.qtype)
    leave = leave_behind([found], tags, alias.ttl, host.clock())
    if found.rcode not in (NOERROR, NXDOMAIN):
        if found.source:
            return failed(query, found, source, host.clock())
        return Reply(query.question, 0, AA, b"", source, leave, "", "", encode(query.qname, chain))
    try:
        answer, authority, _ = found.sections
    except WireError as error:
        return failure(query, source, error=f"the target's answer makes no sense: {error}")
    if any(record.type == CNAME and record.owner.lower() == query.name for record in answer):
        return failure(query, source, error="the alias leads back to itself")
    body = encode(query.qname, [*chain, *answer], [] if answer and found.rcode == NOERROR else authority)
    return Reply(query.question, found.rcode, AA | found.flags & TC, b"", source, leave, "", "", body)


def failed(query: Query, target: Reply, source: str, now: float) -> Reply:
    """What the client is told where a target gave no answer: REFUSED where this server refused it, else SERVFAIL.

    The log has the error from whoever failed, and the client may be told why. Nobody keeps the reply: the next client
    may be one whom the target is not refused to, and of failures the server has the target's own.
    """
    rcode = REFUSED if target.rcode == REFUSED and not target.upstream else SERVFAIL
    reasons = b"".join([option(code, payload) for code, payload in options(target.options) if code == OPTION_EDE])
    return Reply(query.question, rcode, 0, reasons, source, Replay(now, live=True), octets=EMPTY_BODY)


async def ask_target(host: Host, query: Query, target: bytes, qtype: int) -> Reply:
    """What the server says about the target (wire name) of an alias, asked on behalf of the client of ``query``.

    Whether it worked is in the reply's code: an alias of an alias of this server may go round and ends in SERVFAIL.
    """
    return await host.ask(query.derive(qname=target, qtype=qtype, depth=query.depth + 1))


def answer_records(reply: Reply) -> list[Record]:
    """The records of an answer about a target, none where it is a failure or cannot be read."""
    if reply.rcode not in (NOERROR, NXDOMAIN):
        return []
    try:
        return [record for record in reply.sections.answer[:MAX_RECORDS] if record.rclass == IN]
    except WireError:
        return []


def leave_behind(replies: Sequence[Reply], tags: tuple[Hashable, ...], ttl: int, now: float) -> Replay:
    """The leave to replay an answer made of live data (``tags``) and of replies about the targets of its aliases.

    It ends with theirs, and after ``ttl`` seconds where they are not live themselves. Where one of them must not be
    replayed it has ended already, yet the answer is still live: whoever has the targets keeps what may be kept.
    """
    leaves = [reply.replay for reply in replies]
    bases = {leave.base for leave in leaves if leave is not None}
    if any(leave is None for leave in leaves) or len(bases) > 1:
        return Replay(now, tags=tags, live=True)
    found = [leave for leave in leaves if leave is not None]
    live = all(leave.live and leave.base is None for leave in found)
    until = min((leave.until for leave in found), default=now)
    every = tags + tuple(tag for leave in found for tag in leave.tags)
    counts = tuple(count for leave in found for count in leave.counts)
    base = bases.pop() if bases else None
    return Replay(until if live else min(until, now + ttl), base, (), counts, tags=every, live=True)
