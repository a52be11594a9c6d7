"""The plugin: lets an answer go when the firewall knows its addresses."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from typing import Final

from resolver.chain.capabilities import UNSETTLED, Identifying, offering
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure
from resolver.chain.setup import Block, Host
from resolver.errors import ConfigError, ResolverError
from resolver.plugins.egress_set.answers import MOST, shortened, told
from resolver.plugins.egress_set.metrics import MANY, Metrics
from resolver.plugins.egress_set.settings import FAIL, Sets, Settings
from resolver.plugins.egress_set.writer import Element, Failure, Writer
from resolver.sockets.nftables import Changes, NftablesError, Shape, Table, Wanted
from resolver.sockets.watch import Watch
from resolver.wire.constants import IN
from resolver.wire.names import suffixes

_OTHER_ERROR: Final = 0  # RFC 8914 section 4.1


class EgressSet(Plugin):
    """Puts the addresses of each answer that was worked out into sets, for as long as clients may use them.

    Replays need nothing: an element is there until the TTL of the answer has run out, and a leave that would last
    longer is cut.
    """

    name = "egress_set"
    transparent = True

    def __init__(self, settings: Settings, block: Block, host: Host) -> None:
        self.settings = settings
        self._block = block
        self._host = host
        self._log = host.log.named(self.name)
        self._metrics = Metrics(host.registry, f"{settings.family} {settings.table}")
        self._writer: Writer | None = None
        self._changes: Changes | None = None
        self._watch: Watch[Changes] | None = None
        self._tag: Hashable = object()
        self._failing = False

    # --- life

    async def start(self) -> None:
        if self.settings.namespaces:
            if self._identifying is None:
                raise ResolverError("egress_set: namespace needs the directive identity in the same server block")
            self._identifying.subscribe(self._host.resort)
        try:
            self._begin()
        except NftablesError as error:
            raise ConfigError(f"egress_set: {error}", self.settings.places.get("table")) from None

    def _begin(self) -> None:
        settings = self.settings
        with ExitStack() as undo:
            table = Table(settings.family, settings.table)
            undo.callback(table.close)
            _prepare(table, settings)
            changes = Changes(settings.family, settings.table, table.port)
            undo.callback(changes.close)
            watch: Watch[Changes] = Watch(asyncio.get_running_loop(), self._changed)
            watch.add(changes.sock, changes)
            undo.pop_all()
        self._writer = Writer(table, self._host.clock, self._metrics)
        self._changes, self._watch = changes, watch

    async def stop(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None
        if self._changes is not None and self._watch is not None:
            self._watch.remove(self._changes.sock)
            self._changes.close()
            self._changes = None

    def _changed(self, changes: Changes) -> None:
        """Somebody has changed rules: what is not in its set any more is not replayed either."""
        gone = changes.gone()
        if gone != set() and self._writer is not None and self._writer.forget(gone):
            self._host.withdraw(self._tag)

    # --- clients

    @cached_property
    def _identifying(self) -> Identifying | None:
        return next(offering(self._block.parts, Identifying), None)

    @property
    def sorts(self) -> bool:
        return bool(self.settings.namespaces)

    def group(self, client: str) -> Hashable:
        """Clients of one group have the same sets."""
        known = self._identifying
        if not self.settings.namespaces or known is None:
            return None
        if not known.settled(client):
            return UNSETTLED
        identity = known.identify(client)
        return self._sets_of("" if identity is None else identity.namespace)

    async def _sets(self, client: str) -> Sets:
        known = self._identifying
        if not self.settings.namespaces or known is None:
            return self.settings.sets
        identity = await known.meet(client)
        return self._sets_of("" if identity is None else identity.namespace)

    def _sets_of(self, namespace: str) -> Sets:
        return self.settings.namespaces.get(namespace, self.settings.sets)

    # --- queries

    async def resolve(self, query: Query, next: Handler) -> Reply:
        reply = await next(query)
        if query.depth or reply.silent or reply.stream is not None or not self._concerned(query):
            return reply
        body, leave = reply.body, reply.replay
        if not body.answers:
            return reply
        addresses = told((body,) if leave is None else (body, *leave.variants), query.qtype)
        if not addresses:
            return reply
        sets = await self._sets(query.client[0])
        elements: dict[Element, int] = {}
        for address, ttl in addresses.items():
            name = sets.ipv4 if len(address) == 4 else sets.ipv6
            if name:
                elements[name, address] = min(ttl, self.settings.highest_ttl)
        if not elements:
            return reply
        return await self._open(query, self._shortened(reply, addresses), elements)

    def _concerned(self, query: Query) -> bool:
        zones = self.settings.zones
        return query.qclass == IN and any(suffix in zones for suffix in suffixes(query.name))

    def _shortened(self, reply: Reply, addresses: dict[bytes, int]) -> Reply:
        """The answer with no TTL that outlasts the longest stay in a set."""
        highest = self.settings.highest_ttl
        if max(addresses.values()) <= highest:
            return reply
        shorter = reply.with_body(shortened(reply.body, highest))
        leave = reply.replay
        if leave is not None and leave.variants:
            variants = tuple([shortened(body, highest) for body in leave.variants])
            shorter.replay = replace(leave, variants=variants)
        return shorter

    async def _open(self, query: Query, reply: Reply, elements: dict[Element, int]) -> Reply:
        """Let the answer go once its addresses are in."""
        writer, settings, now = self._writer, self.settings, self._host.clock()
        if writer is None:
            return self._failed(query, reply, Failure("kernel", "the server has not started, or stops"))
        if len(elements) > MOST:
            return self._failed(query, reply, Failure(MANY, f"an answer has more than {MOST} addresses"))
        wanted = []
        for (name, address), ttl in elements.items():
            needed = ttl + settings.grace
            if writer.until((name, address)) < now + needed:
                wanted.append(Wanted(name, address, needed, max(needed, settings.min_timeout)))
        if wanted:
            failed = await writer.put(wanted, settings.wait)
            if failed is not None:
                return self._failed(query, reply, failed)
            if self._failing:
                self._failing = False
                self._log.info("addresses are written again")
        return self._bounded(reply, elements, now)

    def _bounded(self, reply: Reply, elements: dict[Element, int], now: float) -> Reply:
        """The answer, replayed no longer than its addresses are in their sets for the TTL that it then has."""
        leave, writer = reply.replay, self._writer
        if leave is None:
            return reply
        until = leave.until
        for element, ttl in elements.items():
            end = 0.0 if writer is None else writer.until(element)
            until = min(until, end - self.settings.grace if leave.base is not None else end - ttl)
        if until <= now:
            return reply.withheld()
        return replace(reply, replay=replace(leave, until=until, tags=(*leave.tags, self._tag)))

    def _failed(self, query: Query, reply: Reply, why: Failure) -> Reply:
        self._metrics.failed(why.reason)
        if not self._failing:
            self._failing = True
            if self.settings.on_error == FAIL:
                self._log.error(f"queries fail, since the firewall could not be told the addresses: {why}")
            else:
                self._log.error(f"addresses are told that the firewall does not know: {why}")
        if self.settings.on_error == FAIL:
            text = "the firewall could not be told the addresses"
            return failure(query, self.name, ede=_OTHER_ERROR, text=text, error=str(why))
        return reply.withheld()


def _prepare(table: Table, settings: Settings) -> None:
    """Make what is missing if that is wanted, and look whether all is as it has to be. Raises ConfigError."""
    if settings.created:
        missing = {name: length for name, length in settings.lengths.items() if table.shape(name) is None}
        if missing:
            table.create(missing, settings.created)
    shown = f"{settings.family} {settings.table}"
    if not table.exists():
        message = f"egress_set: there is no table {shown}; make it with its sets, or write create"
        raise ConfigError(message, settings.places.get("table"))
    for name, length in settings.lengths.items():
        problem = _problem(table.shape(name), length)
        if problem:
            message = f"egress_set: the set {name} of the table {shown} {problem}"
            raise ConfigError(message, settings.places.get(f"set {name}"))


def _problem(shape: Shape | None, length: int) -> str:
    """What is wrong with a set, empty where it will do."""
    if shape is None:
        return "is not there; make it, or write create"
    if shape.map:
        return "is a map"
    if shape.concatenated or shape.length != length:
        return f"is not of type ipv{'4' if length == 4 else '6'}_addr"
    if shape.interval:
        return "holds ranges: leave out flags interval, and keep networks in a set of their own"
    return "" if shape.timeout else "has no flags timeout"
