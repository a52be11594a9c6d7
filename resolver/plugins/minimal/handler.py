"""Cutting an answer behind its answer section."""

from __future__ import annotations

from dataclasses import replace

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.wire.constants import NOERROR
from resolver.wire.records import Body


class Minimal(Plugin):
    """Leaves positive answers their answer section alone; denials, errors and referrals stay whole."""

    name = "minimal"
    transparent = True

    async def resolve(self, query: Query, next: Handler) -> Reply:
        reply = await next(query)
        body = reply.body
        if reply.rcode != NOERROR or not body.answers or not (body.authorities or body.additionals):
            return reply
        shorter = reply.with_body(_answers_only(body))
        if shorter.replay is not None and shorter.replay.variants:
            variants = tuple([_answers_only(variant) for variant in shorter.replay.variants])
            shorter.replay = replace(shorter.replay, variants=variants)
        return shorter


def _answers_only(body: Body) -> Body:
    """The body up to the end of its last answer; names point backwards only, so nothing else changes."""
    last = body.ttls[body.answers - 1]
    end = last + 6 + (body.data[last + 4] << 8 | body.data[last + 5])
    return Body(body.answers, 0, 0, body.data[:end], body.ttls[: body.answers])
