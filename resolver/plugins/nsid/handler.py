"""The identifier in the answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, edns_option
from resolver.chain.reply import Reply
from resolver.wire.edns import option, without_options

NSID: Final = 3


class Nsid(Plugin):
    """Adds the identifier to answers for clients that sent an empty NSID option (RFC 5001 section 2.1)."""

    name = "nsid"
    transparent = True

    def __init__(self, data: bytes) -> None:
        self._option = option(NSID, data)

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if edns_option(query.edns, NSID) is None:
            return await next(query)
        reply = await next(query)
        # an upstream's identifier would name another server
        return replace(reply, options=without_options(reply.options, frozenset((NSID,))) + self._option)
