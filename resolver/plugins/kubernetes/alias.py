"""ExternalName services: an alias, and what its target has, asked of the whole server."""

from __future__ import annotations

from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.errors import WireError
from resolver.wire.constants import AA, CNAME, IN, NOERROR, NXDOMAIN, TC
from resolver.wire.records import Record


async def follow(query: Query, target: bytes, ttl: int, ask: Handler, source: str) -> Reply:
    """The alias, then the answer to the same question about its target (RFC 1034 section 3.6.2).

    Whoever cannot answer for the target is told of the alias alone where nobody here serves the target, and SERVFAIL
    where somebody does and failed. An alias that leads back to itself fails too.
    """
    alias = Record(query.qname, CNAME, IN, ttl, target)
    if target.lower() == query.name:
        return failure(query, source, error="the service is an alias of itself")
    found = await ask(query.derive(qname=target, depth=query.depth + 1))
    if found.rcode not in (NOERROR, NXDOMAIN):
        if found.source:
            return failure(query, source, error=found.error or "the target of the alias cannot be resolved")
        return _reply(query, source, [alias])
    try:
        answer, authority, _ = found.sections
    except WireError as error:
        return failure(query, source, error=f"the target's answer makes no sense: {error}")
    if any(record.type == CNAME and record.owner.lower() == query.name for record in answer):
        return failure(query, source, error="the alias leads back to itself")
    reply = _reply(query, source, [alias, *answer], [] if answer and found.rcode == NOERROR else authority)
    reply.rcode = found.rcode
    reply.flags |= found.flags & TC
    return reply


def _reply(query: Query, source: str, answer: list[Record], authority: list[Record] | None = None) -> Reply:
    return Reply(query.question, 0, AA, source=source).with_sections(answer, authority or [], [])
