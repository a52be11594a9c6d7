"""Replayed octets are those that the cache would have given, and count the same.

Two caches above the same upstream are asked the same: one directly, the other behind a store of replays.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.chain.finish import finish, repeats
from resolver.chain.query import Query, parse
from resolver.chain.reply import Reply, failure
from resolver.plugins.cache.handler import Cache
from resolver.replay.budget import Budget
from resolver.replay.store import Store
from resolver.wire.constants import NXDOMAIN, RA, SERVFAIL, SOA, A
from resolver.wire.edns import Edns
from resolver.wire.names import from_text
from resolver.wire.records import Record, encode
from tests.plugins.cache.scenario import VirtualLoop
from tests.plugins.chains import World

ZONE = from_text("example.org")
_SECONDS = Struct("!I")
COUNTED = ("requests", "hits", "misses", "served_stale", "prefetch")


class Ask(NamedTuple):
    """Wait so long, let the upstream be so, ask for this name with this EDNS."""

    wait: float
    upstream: str
    name: str
    edns: Edns | None
    flags: int


class Twin:
    """A cache with or without replays in front."""

    def __init__(self, loop: VirtualLoop, options: str, *, replays: bool) -> None:
        self.loop = loop
        self.world = World(clock=loop.time)
        self.block = self.world.build(f".:53 {{\n{options}\n}}\n")
        part = self.block.parts[0]
        assert isinstance(part, Cache)
        self.cache = part
        self.store = Store(Budget(1 << 20)) if replays else None
        self.upstream = "answers"
        self.replayed = 0

    async def ask(self, packet: bytes) -> bytes:
        """The answer to a query as octets."""
        now = self.loop.time()
        if self.store is not None:
            octets = self.store.replay(packet, now)
            if octets is not None:
                self.replayed += 1
                return octets
        query = parse(packet, ("127.0.0.1", 1), ("127.0.0.1", 53), "udp", now)
        query.site = self.block.sites[0]
        reply = await self.cache.resolve(query, self.below)
        octets = finish(query, reply)
        if self.store is not None and reply.replay is not None:
            self.store.add(packet, repeats(query, reply, octets), reply.replay, query.received)
        return octets

    async def below(self, query: Query) -> Reply:
        """The answer shows when it was made."""
        stamp = _SECONDS.pack(int(self.loop.time() * 10))
        if self.upstream == "fails":
            return failure(query, "upstream", SERVFAIL)
        if self.upstream == "denies":
            body = encode(query.qname, (), [Record(ZONE, SOA, 1, 8, b"\0\0" + bytes(12) + stamp + _SECONDS.pack(6))])
            return Reply(query.question, NXDOMAIN, RA, octets=body)
        body = encode(query.qname, [Record(query.name, A, 1, 12, stamp), Record(query.name, A, 1, 30, stamp)])
        return Reply(query.question, 0, RA, octets=body)

    def counts(self) -> dict[str, dict[tuple[str, ...], float]]:
        """What was counted, replays included."""
        if self.store is not None:
            self.store.fold()
        names = {f"coredns_cache_{name}_total" for name in COUNTED}
        families = [family for family in self.world.host.registry.families() if family.name in names]
        return {family.name: {labels: cell.value for labels, cell in family.cells.items()} for family in families}


async def compare(loop: VirtualLoop, options: str, asks: Sequence[Ask]) -> int:
    """Ask both; how often the one with replays replayed."""
    plain, replaying = Twin(loop, options, replays=False), Twin(loop, options, replays=True)
    for number, (wait, upstream, name, edns, flags) in enumerate(asks):
        await asyncio.sleep(wait)
        plain.upstream = replaying.upstream = upstream
        packet = Query(from_text(name), A, flags=flags, edns=edns).wire(number)
        assert await plain.ask(packet) == await replaying.ask(packet), f"question {number} at {loop.time()}"
        await asyncio.sleep(0.001)  # refreshes are done before the next question
    assert plain.counts() == replaying.counts()
    await plain.cache.stop()
    await replaying.cache.stop()
    return replaying.replayed


def run(options: str, asks: Sequence[Ask]) -> int:
    """Play in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        return runner.run(compare(loop, options, asks))


OPTIONS = [
    "cache",
    "cache 7",
    "cache {\n keepttl\n}",
    "cache {\n success 2000 3600 1\n denial 2000 3600 1\n servfail 1s\n}",
    "cache {\n prefetch 1 1h 50%\n}",
    "cache {\n prefetch 1 1h\n keepttl\n}",
    "cache {\n serve_stale 20s\n}",
    "cache {\n serve_stale 20s immediate 3s 4s\n}",
    "cache {\n serve_stale 20s verify 0 30s 5s\n}",
    "cache {\n serve_stale 20s verify 100ms\n serve_stale_policy prefer_positive\n prefetch 1 1h 20%\n}",
]
ASKS = st.builds(
    Ask,
    wait=st.sampled_from([0.0, 0.0, 0.3, 0.95, 1.0, 2.5, 6.0, 11.0, 25.0]),
    upstream=st.sampled_from(["answers", "answers", "denies", "fails"]),
    name=st.sampled_from(["www.example.org", "www.example.org", "WWW.example.org", "ftp.example.org"]),
    edns=st.sampled_from([None, None, Edns(1232), Edns(1232, do=True), Edns(512)]),
    flags=st.sampled_from([0x0100, 0x0100, 0x0120, 0x0000]),
)


@pytest.mark.parametrize("options", OPTIONS)
@given(asks=st.lists(ASKS, max_size=25))
def test_replays_are_what_the_cache_would_have_answered(options: str, asks: list[Ask]) -> None:
    run(options, asks)


@pytest.mark.parametrize("options", OPTIONS)
def test_repeats_are_replayed(options: str) -> None:
    """So that the test above compares something."""
    asks = [Ask(wait, "answers", "www.example.org", None, 0x0100) for wait in (0, 0, 0.1, 1.2, 1.2)]
    assert run(options, asks) == 3


def test_replays_make_an_answer_popular() -> None:
    """Of five questions before the last part of its life the cache sees two, and the sixth makes it fetch."""

    async def ask_six_times(loop: VirtualLoop) -> Twin:
        twin = Twin(loop, "cache {\n prefetch 5 1h 50%\n}", replays=True)
        for number, wait in enumerate((0, 1, 1, 1, 1, 4)):
            await asyncio.sleep(wait)
            await twin.ask(Query(from_text("www.example.org"), A).wire(number))
        await asyncio.sleep(0.1)
        await twin.cache.stop()
        return twin

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        loop = runner.get_loop()
        assert isinstance(loop, VirtualLoop)
        twin = runner.run(ask_six_times(loop))
    assert twin.replayed == 3
    assert twin.counts()["coredns_cache_prefetch_total"]["dns://:53", ".", ""] == 1


def test_a_stale_answer_is_replayed_in_the_pause_only() -> None:
    def asks(*waits: float) -> list[Ask]:
        first = [Ask(0, "answers", "www.example.org", None, 0x0100)]
        return first + [Ask(wait, "fails", "www.example.org", None, 0x0100) for wait in waits]

    assert run("cache {\n serve_stale 1h immediate 30s\n}", asks(13, 0, 0, 0)) == 0
    assert run("cache {\n serve_stale 1h immediate 30s 10s\n}", asks(13, 1, 1, 1, 6.5, 1, 0, 0)) == 4
