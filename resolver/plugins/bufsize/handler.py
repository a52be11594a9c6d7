"""A client's UDP size, made smaller for everybody who looks at it."""

from __future__ import annotations

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply


class BufSize(Plugin):
    """Lowers the EDNS size to ``limit`` octets, towards upstreams and for the answer to the client alike.

    The query itself is changed, unlike anywhere else: what is too long for the client is decided when the answer
    leaves, and that has to see the lower size.
    """

    name = "bufsize"
    transparent = True

    def __init__(self, limit: int) -> None:
        self.limit = limit

    async def resolve(self, query: Query, next: Handler) -> Reply:
        edns = query.edns
        if edns is not None and edns.size > self.limit:
            query.edns = edns._replace(size=self.limit)
        return await next(query)
