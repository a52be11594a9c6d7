"""The answer to ANY that saves everybody the large one."""

from __future__ import annotations

import math
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.wire.constants import ANY, HINFO, IN
from resolver.wire.records import Record

TTL: Final = 8482  # seconds
_RDATA: Final = b"\x0dANY obsoleted\x0cSee RFC 8482"


class AnyType(Plugin):
    """Answers ANY with one HINFO record (RFC 8482 section 4.2) and passes everything else on."""

    name = "any"
    transparent = True

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.qtype != ANY:
            return await next(query)
        reply = from_records(query, self.name, [Record(query.qname, HINFO, IN, TTL, _RDATA)], authoritative=False)
        reply.replay = Replay(math.inf)
        return reply
