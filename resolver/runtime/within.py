"""Questions that a chain puts to the server itself, such as for the target of an alias that it answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resolver.chain.plugin import Handler
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.runtime.routing import Router
from resolver.wire.constants import REFUSED, SERVFAIL

# An alias of an alias is rare, and one that leads back to itself must end (RFC 1034 section 5.2.2).
MAX_DEPTH: Final = 8

RouterOf = Callable[[str], Router | None]
"""The router of the listener with that ``server`` label, None where there is none (any more)."""


def asking(router_of: RouterOf) -> Handler:
    """What ``Host.ask`` is: the whole server as the client of this query sees it, through the same listener.

    Who asks derives the query from the client's and adds one to its ``depth``, so that questions cannot go in circles.
    """

    async def ask(query: Query) -> Reply:
        if query.depth > MAX_DEPTH:
            return failure(query, "", SERVFAIL, error=f"more than {MAX_DEPTH} questions to answer one")
        router = router_of(query.site.server)
        route = router.find(query) if router is not None else None
        if route is None:
            return failure(query, "", REFUSED, error="no server block takes the question")
        return await route.handler(query.derive(site=route.site, original=None))

    return ask
