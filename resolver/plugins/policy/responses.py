"""Answers of response policy zones."""

from __future__ import annotations

from resolver.chain.alias import follow
from resolver.chain.joined import because_of
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply
from resolver.chain.setup import Host
from resolver.plugins.policy.answers import SOURCE, denied, start_of_authority
from resolver.plugins.policy.scope import Hit, Scope
from resolver.policy import response_zone as rpz
from resolver.policy.rules import AUDIT_ONLY, DROP, NODATA, NXDOMAIN, Answer, Decision
from resolver.wire.constants import EDE_BLOCKED, EDE_NOT_READY, RA, SERVFAIL, TC
from resolver.wire.edns import extended_error
from resolver.wire.names import to_text
from resolver.wire.records import EMPTY_BODY, Record, encode

_ACTIONS = {rpz.NXDOMAIN: NXDOMAIN, rpz.NODATA: NODATA, rpz.DROP: DROP, rpz.SERVFAIL: rpz.SERVFAIL}
LOCAL_DATA = "local-data"
TCP_ONLY = "tcp-only"


def decide(scope: Scope, hit: Hit, transport: str) -> Decision | None:
    """What becomes of a query that came so; None where it passes as if there were no trigger."""
    kind = hit.trigger.kind
    if kind == rpz.PASSTHRU or (kind == rpz.TCP_ONLY and transport != "udp"):
        return None if hit.noted is None else decide(scope, hit.noted, transport)
    action = _ACTIONS.get(kind) or (TCP_ONLY if kind == rpz.TCP_ONLY else LOCAL_DATA)
    rule = f"rpz {to_text(hit.feed.origin)} {hit.trigger.name}"
    answer = Answer(action)
    if hit.feed.audit_only or scope.settings.engine.audit_only:
        return Decision(AUDIT_ONLY, rule, answer=answer, would=action)
    return Decision(action, rule, answer=answer)


class Responses:
    """What is said where a trigger fits."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def answer(
        self, query: Query, hit: Hit, found: Decision, zone: bytes, ttl: int, leave: Replay | None
    ) -> Reply:
        """The answer that a decision of ``decide`` stands for."""
        if found.action in (NXDOMAIN, NODATA, DROP):
            return denied(query, found, zone, ttl, leave)
        if found.action == rpz.SERVFAIL:
            options = extended_error(EDE_NOT_READY, found.rule)
            return Reply(query.question, SERVFAIL, RA, options, SOURCE, leave, octets=EMPTY_BODY)
        options = extended_error(EDE_BLOCKED, f"policy rule: {found.rule}")
        if found.action == TCP_ONLY:
            return Reply(query.question, 0, RA | TC, options, SOURCE, None, octets=EMPTY_BODY)
        records, target = hit.trigger.answer(query.qname, query.qtype)
        if target:
            return await self._follow(query, records[0], options, leave)
        body = encode(query.qname, records, [] if records else [start_of_authority(zone, ttl)])
        return Reply(query.question, 0, RA, options, SOURCE, leave, octets=body)

    async def _follow(self, query: Query, alias: Record, options: bytes, leave: Replay | None) -> Reply:
        """The alias and what the server itself says about its target."""
        reply = await follow(query, alias, self._host, SOURCE)
        own = Reply(query.question, replay=leave)
        reply = because_of(reply, [own]) if leave is not None else reply.withheld()
        reply.options = options
        return reply
