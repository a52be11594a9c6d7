"""Answers that go on behind an alias: the target is asked of the server itself, as the client would."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Final

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply
from resolver.chain.setup import Host
from resolver.errors import WireError
from resolver.wire.constants import NOERROR, NXDOMAIN
from resolver.wire.records import Record

MAX_RECORDS: Final = 500  # behind one alias, as much as fits a message


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
        return reply.sections.answer[:MAX_RECORDS]
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
    return Replay(until if live else min(until, now + ttl), bases.pop() if bases else None, tags=every, live=True)
