"""Answers that go on outside of the zone: the target of an alias is asked of the server itself."""

from __future__ import annotations

from resolver.chain.alias import ask_target, failed, leave_behind
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.chain.setup import Host
from resolver.errors import WireError
from resolver.wire.constants import AA, NOERROR, NS, NXDOMAIN, TC
from resolver.zone.data import Zone, get
from resolver.zone.lookup import Found


async def behind_alias(query: Query, found: Found, zone: Zone, host: Host, source: str, leave: Replay) -> Reply:
    """The aliases that lead out of the zone, then what the server says of the target (RFC 1034 section 3.6.2).

    The code is the target's (RFC 6604 section 3); the aliases alone where nobody here serves it.
    """
    target = await ask_target(host, query, found.target, query.qtype)
    reply = Reply(query.question, NOERROR, AA, source=source)
    reply.replay = leave_behind([target], leave.tags, min(record.ttl for record in found.answer), host.clock())
    servers = get(zone.apex, NS)
    own = servers.records(zone.origin, signed=query.do) if servers is not None else []
    if target.rcode not in (NOERROR, NXDOMAIN):
        if target.source:
            refusal = failed(query, target, source, host.clock())
            reply.rcode, reply.options = refusal.rcode, refusal.options
        return reply.with_sections(found.answer, [*found.authority, *own], [])
    try:
        answer, denial, _ = target.sections
    except WireError as error:
        return failure(query, source, error=f"the target's answer makes no sense: {error}")
    reply.rcode, reply.flags = target.rcode, AA | target.flags & TC
    settled = bool(answer) and target.rcode == NOERROR
    return reply.with_sections([*found.answer, *answer], [*found.authority, *(own if settled else denial)], [])
