"""Client subnets in queries, and in answers as the client may expect them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Final

from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Host
from resolver.errors import EdnsError, WireError
from resolver.plugins.ecs.settings import ADD, STRIP, Settings
from resolver.telemetry.metrics import Cell
from resolver.wire.constants import FORMERR, OPTION_ECS
from resolver.wire.edns import Edns, without_options
from resolver.wire.subnet import IPV4, ClientSubnet, subnet_around, subnet_of

_KNOWN: Final = 4096
_SIZE: Final = 1232  # octets (DNS flag day 2020), where EDNS is spoken because of the subnet alone
_ECS: Final = frozenset((OPTION_ECS,))


class Ecs(Plugin):
    """Changes the client subnet of a query, and gives the client its own back in the answer.

    Where it adds one, the same octets from another client may ask for something else: clients are sorted by subnet.
    """

    name = "ecs"
    transparent = True

    def __init__(self, settings: Settings, host: Host) -> None:
        self.settings = settings
        self._queries = host.registry.counter(
            "coredns_ecs_queries_total",
            "Queries by what was done about their client subnet.",
            ("server", "zone", "view", "action"),
        )
        self._cells: dict[tuple[Site, str], Cell] = {}
        self._of = lru_cache(_KNOWN)(self._subnet_of)

    async def resolve(self, query: Query, next: Handler) -> Reply:
        edns = query.edns
        try:
            mine = subnet_of(edns.options) if edns is not None and edns.options else None
        except EdnsError as error:
            self._count(query, "refused")
            return failure(query, self.name, FORMERR, error=f"the query cannot be read: {error}")
        if mine is not None and mine.scope:
            self._count(query, "refused")
            return failure(query, self.name, FORMERR, error="a query has a client subnet with a scope")
        mode = self.settings.mode
        if mine is None or edns is None:
            return await (self._add(query, next) if mode == ADD else next(query))
        others = without_options(edns.options, _ECS)
        if mode == STRIP:
            cell = self._count(query, "stripped")
            reply = await next(query.derive(edns=edns._replace(options=others)))
            return reply.counted(cell.add)
        cell = self._count(query, "kept")
        sent = mine.cut(self.settings.ipv4 if mine.family == IPV4 else self.settings.ipv6)
        if sent is not mine:
            query = query.derive(edns=edns._replace(options=others + sent.option()))
        return _with_scope(await next(query), mine).counted(cell.add)

    async def _add(self, query: Query, next: Handler) -> Reply:
        """Ask for the subnet of a client that said nothing about it."""
        subnet = self._of(query.client[0])
        if subnet is None:
            cell = self._count(query, "private")
            return (await next(query)).counted(cell.add)
        cell = self._count(query, "added")
        edns = query.edns or Edns(_SIZE)
        reply = await next(query.derive(edns=edns._replace(options=edns.options + subnet.option())))
        if reply.options:
            reply = replace(reply, options=without_options(reply.options, _ECS))
        return reply.counted(cell.add)

    @property
    def sorts(self) -> bool:
        """Whether upstreams are told of clients who said nothing about themselves."""
        return self.settings.mode == ADD

    def group(self, client: str) -> Hashable:
        """The subnet that upstreams are told."""
        return self._of(client)

    def _subnet_of(self, client: str) -> ClientSubnet | None:
        """The subnet of a client's address, or of the public one that stands in for it; None without either."""
        try:
            address = ip_address(client.partition("%")[0])
        except ValueError:
            return None
        if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        settings = self.settings
        if not address.is_global:
            alike = [one for one in settings.public if one.version == address.version]
            found = next(iter([*alike, *settings.public]), None)
            if found is None:
                return None
            address = found
        return subnet_around(address, settings.ipv4 if address.version == 4 else settings.ipv6)

    def _count(self, query: Query, action: str) -> Cell:
        cell = self._cells.get((query.site, action))
        if cell is None:
            cell = self._cells[query.site, action] = self._queries.cell(*query.site, action)
        cell.value += 1
        return cell


def _with_scope(reply: Reply, mine: ClientSubnet) -> Reply:
    """The answer with the client's own subnet, and for how much of it the answer is good (section 7.2.2)."""
    if not reply.options:
        return reply
    try:
        given = subnet_of(reply.options)
    except WireError:
        given = None
    options = without_options(reply.options, _ECS)
    if given is not None:
        options += mine._replace(scope=given.scope).option()
    return replace(reply, options=options)
