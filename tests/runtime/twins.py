"""Two servers over the same data in the same virtual time: one works every answer out, the other may replay."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from resolver.chain.capabilities import Sorting, offering
from resolver.chain.link import link
from resolver.chain.plugin import Handler, Plugin
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure, from_records
from resolver.plugins.cache.handler import Cache
from resolver.replay.clients import Clients
from resolver.replay.store import Stores
from resolver.runtime.dispatch import Dispatcher
from resolver.runtime.routing import Route, Router
from resolver.wire.constants import (
    AAAA,
    CNAME,
    EDE_NETWORK_ERROR,
    MX,
    NS,
    NXDOMAIN,
    SERVFAIL,
    SOA,
    SRV,
    TC,
    TXT,
    A,
)
from resolver.wire.edns import extended_error
from resolver.wire.message import scan
from resolver.wire.names import from_text
from resolver.wire.records import Record, encode, record
from tests.plugins.cache.scenario import VirtualLoop
from tests.plugins.chains import World

LOCAL = ("192.0.2.53", 53)
ZONE = from_text("example.org")
_NUMBER = 4


class Asked(NamedTuple):
    """A packet from a client, after so many seconds."""

    wait: float
    packet: bytes
    client: str = "192.0.2.1"
    transport: str = "udp"


class Event(NamedTuple):
    """``change`` the data of the zone, ``scrape`` the metrics, or ``renew`` as a reload does; after so many seconds.

    The next questions are put without waiting for it.
    """

    what: str
    after: float = 0.0


Step = Asked | Event


class Upstream(Plugin):
    """The last plugin: what it answers changes every seven seconds, and says when it was made."""

    name = "upstream"
    transparent = True

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.asked = 0

    async def resolve(self, query: Query, next: Handler) -> Reply:
        self.asked += 1
        kind = query.name[1 : 1 + query.name[0]]
        if kind == b"slow":
            await asyncio.sleep(0.4)
        if kind == b"crash":
            raise ValueError("as plugins do")
        stamp = int(self.loop.time()) // 7
        if kind == b"broken" and stamp % 2:
            return failure(query, "upstream", ede=EDE_NETWORK_ERROR, text="nobody there", error="timeout")
        answer, authority, additional = _records(kind, query, stamp.to_bytes(_NUMBER, "big"))
        rcode = {b"gone": NXDOMAIN, b"failing": SERVFAIL}.get(kind, 0)
        reply = from_records(query, self.name, answer, authority, additional, rcode=rcode, authoritative=False)
        if kind == b"told":
            reply.options = extended_error(29, "synthesised")
        return reply


def _records(kind: bytes, query: Query, stamp: bytes) -> tuple[list[Record], list[Record], list[Record]]:
    name, target = query.qname, from_text("edge.example.org")
    ttls = {b"zero": 0, b"short": 3, b"long": 100_000}
    ttl = ttls.get(kind, 12)
    soa = record(ZONE, SOA, 40, b"\0\0" + stamp + bytes(12) + (9).to_bytes(_NUMBER, "big"))
    if kind in (b"gone", b"none") or query.qtype not in (A, AAAA, TXT, MX, SRV, NS):
        return [], [soa], []
    if kind == b"refer":
        return [], [record(ZONE, NS, 60, target)], [record(target, A, 60, stamp)]
    if kind == b"alias":
        return [record(name, CNAME, 5, target), *_addresses(target, 3, stamp)], [], []
    if kind == b"many":
        return _addresses(name, 70, stamp), [], []
    if kind == b"pair":
        return _addresses(name, 2, stamp), [], []
    if kind == b"service":
        hosts = [from_text(f"host{number}.example.org") for number in range(24)]
        return [record(name, SRV, ttl, bytes(6) + hosts[0])], [], [record(host, A, 7, stamp) for host in hosts]
    return [record(name, query.qtype, ttl, _rdata(query.qtype, target, stamp))], [], []


def _addresses(name: bytes, count: int, stamp: bytes) -> list[Record]:
    return [record(name, A, 12 + number, stamp[1:] + bytes((number,))) for number in range(count)]


def _rdata(rtype: int, target: bytes, stamp: bytes) -> bytes:
    return {A: stamp, AAAA: stamp * 4, TXT: b"\4" + stamp, MX: b"\0\1" + target, NS: target}.get(
        rtype, bytes(6) + target
    )


class Zone(Plugin):
    """Data that changes and then withdraws what it answered."""

    name = "zone"
    transparent = True

    def __init__(self, world: World) -> None:
        self.world = world
        self.version = 1

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if not query.name.endswith(from_text("zone.test")):
            return await next(query)
        records = [record(query.qname, A, 30, bytes((10, 0, 0, self.version % 256)))]
        if query.name.startswith(b"\4slow"):
            await asyncio.sleep(0.4)
        body = encode(query.qname, records)
        leave = Replay(float("inf"), tags=(self, "any zone"))
        return Reply(query.question, source=self.name, replay=leave, octets=body)

    def change(self) -> None:
        """The data changes."""
        self.version += 1
        self.world.host.withdraw(self)


class Particular(Plugin):
    """Tells every client something else and cannot do without seeing its queries."""

    name = "particular"

    async def resolve(self, query: Query, next: Handler) -> Reply:
        if query.client[0].endswith("66"):
            return failure(query, self.name, 5)
        return await next(query)


class Twin:
    """One of the two servers."""

    def __init__(self, loop: VirtualLoop, options: str, *, replays: bool) -> None:
        self.loop = loop
        self.world = World(clock=loop.time)
        self.stores = Stores(60_000)
        self.world.host.withdraw = self.stores.withdraw
        block = self.world.build(f". {{\n{options}\n}}\n")
        self.caches = [part for part in block.parts if isinstance(part, Cache)]
        self.zone, self.upstream = Zone(self.world), Upstream(loop)
        plugins = [part for part in block.parts if isinstance(part, Plugin)]
        own = [Particular()] if "errors" in options else []
        router = Router()
        router.add(Route(b"\0", block.sites[0], link([*own, *plugins, self.zone, self.upstream])))
        self.dispatcher = Dispatcher(router, "dns://:53", self.world.host, self.stores)
        # Every socket has a store of its own: one address family, one transport.
        sockets = [(name, ipv6) for name in ("udp", "tcp") for ipv6 in (False, True)]
        sorting = [part for part in offering(block.parts, Sorting) if part.sorts]
        sorters = tuple([part.group for part in sorting])
        self.clients = {socket: Clients(self.stores, sorters) for socket in sockets} if replays else None
        self.replayed = 0

    async def ask(self, asked: Asked) -> bytes:
        """The octets that the client gets; none for what is dropped."""
        client = (asked.client, 4242)
        store = None
        if self.clients is not None:
            clients = self.clients[asked.transport, ":" in asked.client]
            store = clients.of(asked.client)
            if store is not None:
                octets = store.replay_any(asked.packet, client, LOCAL, asked.transport, self.loop.time())
                if octets is not None:
                    self.replayed += 1
                    return octets
        later: asyncio.Future[bytes] = self.loop.create_future()
        answer = self.dispatcher.serve(asked.packet, client, LOCAL, asked.transport, later.set_result, store)
        return await later if answer is None else answer

    def happen(self, event: Event) -> None:
        """Something beside a query."""
        if event.after:
            self.loop.call_later(event.after, self.happen, Event(event.what))
        elif event.what == "change":
            self.zone.change()
        elif event.what == "scrape":
            self.stores.fold()
        elif event.what == "renew":
            self.stores.renew()

    def counted(self) -> dict[str, dict[tuple[str, ...], Any]]:
        """All metrics of queries and plugins; of times only how many were taken, since time is what a replay saves."""
        self.stores.fold()
        return {
            family.name: {
                labels: sum(cell.counts) if family.name.endswith("_seconds") else _value(cell)
                for labels, cell in family.cells.items()
            }
            for family in self.world.host.registry.families()
            if family.name.startswith("coredns_")
        }

    async def stop(self) -> None:
        """End what runs behind the answers."""
        for cache in self.caches:
            await cache.stop()


def _value(cell: Any) -> Any:
    return cell.value if hasattr(cell, "value") else (list(cell.counts), round(cell.total, 6))


def play(options: str, steps: Sequence[Step], *, any_order: bool = False) -> tuple[Twin, Twin]:
    """Put the steps to both and compare what comes back, what is counted and what is logged."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(_play(loop, options, steps, any_order))


async def _play(loop: VirtualLoop, options: str, steps: Sequence[Step], any_order: bool) -> tuple[Twin, Twin]:
    plain, replaying = Twin(loop, options, replays=False), Twin(loop, options, replays=True)
    for number, step in enumerate(steps):
        if isinstance(step, Event):
            plain.happen(step)
            replaying.happen(step)
            continue
        await asyncio.sleep(step.wait)
        expected, found = await asyncio.gather(plain.ask(step), replaying.ask(step))
        if any_order:
            assert without_order(found) == without_order(expected), f"step {number} at {loop.time()}"
        else:
            assert found == expected, f"step {number} at {loop.time()}"
        await asyncio.sleep(0.001)  # what goes on behind the answers is done before the next question
    assert replaying.counted() == plain.counted()
    assert replaying.world.lines == plain.world.lines
    await asyncio.gather(plain.stop(), replaying.stop())
    return plain, replaying


def without_order(octets: bytes) -> Any:
    """An answer whose records may stand in any order within their sections, and which may be cut anywhere."""
    if len(octets) <= 12:
        return octets
    found = scan(octets)
    parts = [sorted(section) for section in found.sections()]
    records = [len(part) for part in parts] if found.flags & TC else parts
    return found.id, found.flags, found.rcode, found.question, found.edns, records
