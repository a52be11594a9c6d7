"""ExternalName services: aliases, and what their targets have (RFC 1034 section 3.6.2)."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Final

from resolver.chain.alias import follow
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, decode, failure
from resolver.chain.setup import Host
from resolver.kube.objects import Service
from resolver.plugins.kubernetes.outcome import Outcome
from resolver.wire.constants import AA, ANY, CNAME, IN, NOERROR, NXDOMAIN
from resolver.wire.message import Sections
from resolver.wire.records import Body, Record

MOST_ALIASES: Final = 11

Own = Callable[[bytes, int], tuple[Outcome, Body] | None]
"""What the cluster has for a name and a type, and the SOA record to deny more with; None for names it cannot tell."""


class Aliases:
    """Follows aliases within the cluster, and asks the whole server about a target that is not in it.

    Where nobody here serves the target the alias alone is the answer, and SERVFAIL where somebody does and failed, or
    where an alias leads back to itself.
    """

    def __init__(self, own: Own, host: Host, ttl: int, source: str) -> None:
        self._own = own
        self._host = host
        self._ttl = ttl
        self._source = source

    async def follow(self, query: Query, service: Service, tags: tuple[Hashable, ...]) -> Reply:
        """The alias of a service that was asked for, and the answer to the same question about its target."""
        owner, chain, seen = query.qname, list[Record](), {query.name}
        while True:
            target = service.external_name
            chain.append(Record(owner, CNAME, IN, self._ttl, target))
            if query.qtype in (CNAME, ANY):
                return self._live(query, chain, Sections([], [], []), tags)
            name = target.lower()
            if name in seen or len(chain) > MOST_ALIASES:
                return failure(query, self._source, error="the alias leads back to itself or over too many others")
            seen.add(name)
            own = self._own(name, query.qtype)
            if own is None:
                return await follow(query, chain[-1], self._host, self._source, tags, before=chain[:-1])
            found, denial = own
            tags = (*tags, *found.tags)
            if found.alias is None:
                break
            owner, service = target, found.alias
        asked = target + query.question[-4:]
        sections = decode(asked, found.body or denial)
        return self._live(query, chain, sections, tags, NOERROR if found.exists else NXDOMAIN)

    def _live(
        self,
        query: Query,
        chain: Sequence[Record],
        sections: Sections,
        tags: tuple[Hashable, ...],
        rcode: int = NOERROR,
    ) -> Reply:
        leave = Replay(math.inf, tags=tuple(dict.fromkeys(tags)), live=True)
        reply = Reply(query.question, rcode, AA, source=self._source, replay=leave)
        return reply.with_sections([*chain, *sections.answer], sections.authority, sections.additional)
