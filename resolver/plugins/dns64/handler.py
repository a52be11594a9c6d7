"""AAAA records made from A records, where there are no real ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply
from resolver.chain.setup import Host
from resolver.plugins.dns64.settings import Settings
from resolver.plugins.dns64.synthesis import embed, extract, reversed_address
from resolver.telemetry.metrics import Cell
from resolver.wire.constants import AAAA, AD, CD, CNAME, IN, NOERROR, NXDOMAIN, PTR, SOA, A
from resolver.wire.names import from_text
from resolver.wire.records import Record

_TTL_WITHOUT_SOA: Final = 600  # RFC 6147 section 5.1.7
_MAPPED: Final = bytes(10) + b"\xff\xff"  # ::ffff:0:0/96 is no address to be reached (section 5.1.4)


class Dns64(Plugin):
    """Translates for clients that came over IPv6 (RFC 6147), and for the others where that is allowed.

    Listeners of the two families are apart, and so are the answers that they replay.
    """

    name = "dns64"
    transparent = True

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self._translated = host.registry.counter(
            "coredns_dns64_requests_translated_total", "Answers with addresses that were made up.", ("server",)
        )

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.qclass != IN or not (query.qtype in (AAAA, PTR) and self._serves(query)):
            return await next(query)
        if query.qtype == PTR:
            return await self._pointer(query, next)
        reply = await next(query)
        if reply.silent or not self._wants(query, reply):
            return reply
        return await self._translate(query, next, reply)

    def _serves(self, query: Query) -> bool:
        host = query.client[0]
        return self.settings.allow_ipv4 or (":" in host and not host.startswith("::ffff:"))

    def _wants(self, query: Query, reply: Reply) -> bool:
        if reply.rcode == NXDOMAIN:
            return False  # then there is no A record either (section 5.1.2)
        if query.do and query.flags & CD:
            return False  # the client validates, and would find no signature for what is made up (section 5.5)
        if self.settings.translate_all:
            return True
        return not any(record.type == AAAA and record.rdata[:12] != _MAPPED for record in reply.sections.answer)

    async def _translate(self, query: Query, next: Handler, original: Reply) -> Reply:
        found = await next(query.derive(qtype=A))
        if found.silent or found.rcode not in (NOERROR, NXDOMAIN):
            return replace(found, question=query.question, replay=None)
        if not any(record.type == A for record in found.sections.answer):
            return original
        cell = self._cell(query.site)
        cell.value += 1
        answer, authority, additional = found.sections
        limit = _ttl_of_denial(original)
        made = [self._made(record, limit) if record.type == A else record for record in answer if record.type != AAAA]
        reply = replace(found, question=query.question, flags=found.flags & ~AD)
        return reply.with_sections(made, authority, additional).counted(cell.add)

    def _made(self, record: Record, limit: int) -> Record:
        rdata = embed(self.settings.prefix, record.rdata)
        return record._replace(type=AAAA, ttl=min(record.ttl, limit), rdata=rdata)

    async def _pointer(self, query: Query, next: Handler) -> Reply:
        """The name of a made-up address is that of the real one (section 5.3.1), reached through an alias."""
        address = reversed_address(query.name)
        real = None if address is None else extract(self.settings.prefix, address)
        if real is None:
            return await next(query)
        name = from_text(".".join(map(str, reversed(real))) + ".in-addr.arpa.")
        found = await next(query.derive(qname=name))
        if found.silent or found.rcode not in (NOERROR, NXDOMAIN):
            return replace(found, question=query.question, replay=None)
        answer, authority, additional = found.sections
        ttl = min((record.ttl for record in answer), default=_ttl_of_denial(found))
        alias = Record(query.qname, CNAME, IN, ttl, name)
        return replace(found, question=query.question).with_sections([alias, *answer], authority, additional)

    def _cell(self, site: Site) -> Cell:
        cell: Cell = self._translated.cell(site.server)
        return cell


def _ttl_of_denial(reply: Reply) -> int:
    """How long it holds that there is no such record."""
    starts = [record.ttl for record in reply.sections.authority if record.type == SOA]
    return min(starts, default=_TTL_WITHOUT_SOA)
