"""Asking a configuration in this process: the same blocks and chains as when it serves, and no listening socket."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from resolver.chain.finish import finish
from resolver.chain.plugin import Plugin
from resolver.chain.query import NOWHERE, Query, Site
from resolver.chain.reply import Reply, failure
from resolver.config.model import Config
from resolver.runtime.plan import Plan, assemble
from resolver.runtime.routing import Route
from resolver.runtime.throwaway import throwaway_host
from resolver.runtime.within import asking
from resolver.wire.constants import IN, RD, REFUSED
from resolver.wire.edns import Edns

_EDNS_SIZE = 1232


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and who seems to ask it, over which transport; ``do`` asks for DNSSEC records."""

    name: bytes
    rtype: int
    rclass: int = IN
    client: str = "127.0.0.1"
    transport: str = "udp"
    do: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The message that the client would get, which block and plugin made it, and why it failed if it did."""

    octets: bytes
    site: Site
    source: str
    upstream: str
    error: str


async def ask(config: Config, asked: Asked, *, port: int = 53) -> Answer:
    """What the configuration answers. Raises ResolverError where it is wrong."""
    host = throwaway_host()
    plan = assemble(config, host, port)
    host.ask = asking(lambda label: next((s.router for s in plan.services.values() if s.label == label), None))
    query = Query(
        asked.name, asked.rtype, asked.rclass, message_id=secrets.randbits(16), flags=RD,
        edns=Edns(_EDNS_SIZE, asked.do), client=(asked.client, 0), transport=asked.transport, received=host.clock(),
    )  # fmt: skip
    route = _route(plan, query, port)
    if route is None or (asked.rclass != IN and not route.classes):
        return _answer(query, failure(query, "", REFUSED, error="no server block takes the question"))
    query.site = route.site
    plugins = [part for block in plan.blocks if route.site in block.sites for part in block.parts]
    started: list[Plugin] = []
    try:
        for part in plugins:
            if isinstance(part, Plugin):
                started.append(part)
                await part.start()
        return _answer(query, await route.handler(query))
    finally:
        for part in reversed(started):
            await part.stop()


def _route(plan: Plan, query: Query, port: int) -> Route | None:
    """The route of the first endpoint that takes the query, those at the default port first."""
    endpoints = sorted(plan.services, key=lambda endpoint: endpoint.port != port)
    routes = (plan.services[endpoint].router.find(query) for endpoint in endpoints)
    return next((route for route in routes if route is not None), None)


def _answer(query: Query, reply: Reply) -> Answer:
    site = query.site if query.site is not NOWHERE else Site("", "none")
    return Answer(finish(query, reply), site, reply.source, reply.upstream, reply.error)
