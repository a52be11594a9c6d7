"""What is put into the sets, for how long, and how long the answer may be replayed."""

from __future__ import annotations

import asyncio
import errno
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from typing import Any

import pytest

from resolver.chain.capabilities import UNSETTLED, Identity
from resolver.chain.plugin import Part
from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.errors import ConfigError, ConfigErrors, ResolverError
from resolver.plugins.egress_set import handler
from resolver.plugins.egress_set.handler import EgressSet
from resolver.sockets.nftables import NftablesError, Put, Shape, Wanted
from resolver.wire.constants import AAAA, CNAME, SERVFAIL, A
from resolver.wire.names import from_text
from resolver.wire.records import Record, record
from tests.plugins.chains import World, answering, question

BLOCK = """. {{
    egress_set {zones} {{
        table inet egress
        set4 four
        set6 six
        {options}
    }}
}}
"""


@dataclass
class Kernel:
    """Stands in for a table, and for the socket that tells of changes."""

    shapes: Mapping[str, Shape | None]
    now: float = 1000.0
    ends: dict[tuple[str, bytes], float] = field(default_factory=dict)
    batches: list[list[Wanted]] = field(default_factory=list)
    refuses: dict[bytes, int] = field(default_factory=dict)
    port: int = 7

    def exists(self) -> bool:
        return True

    def shape(self, name: str) -> Shape | None:
        return self.shapes.get(name)

    def close(self) -> None:
        self.shapes = {}

    def put(self, wanted: Sequence[Wanted]) -> Put:
        self.batches.append(list(wanted))
        for one in wanted:
            if one.key in self.refuses:
                raise NftablesError("write", self.refuses[one.key])
        for one in wanted:
            if self.ends.get((one.set, one.key), 0) < self.now + one.needed:
                self.ends[one.set, one.key] = self.now + one.timeout
        return Put(len(wanted), 0, [self.ends[one.set, one.key] - self.now for one in wanted])

    @property
    def shown(self) -> dict[str, float]:
        """Addresses with the seconds that they were put in for."""
        return {f"{name} {ip_address(key)}": end - self.now for (name, key), end in self.ends.items()}


class Silence:
    """A socket on which nothing happens."""

    def __init__(self, *_: Any) -> None:
        self.sock = None
        self.told: set[tuple[str, bytes]] | None = set()

    def close(self) -> None:
        """Nothing to close."""

    def gone(self) -> set[tuple[str, bytes]] | None:
        return self.told


class NoWatch:
    def __init__(self, *_: Any) -> None:
        """Watches nothing."""

    def add(self, *_: Any) -> None:
        """Nothing to watch."""

    def remove(self, *_: Any) -> None:
        """Nothing was watched."""

    def __class_getitem__(cls, _: Any) -> type[NoWatch]:
        return cls


SHAPES = {
    **dict.fromkeys(("four", "shop4"), Shape(4, True, False, False, False)),
    "six": Shape(16, True, False, False, False),
}


class Scene:
    """A started directive on a kernel of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kernel = Kernel(dict(SHAPES))
        self.changes = Silence()
        self.world = World(clock=lambda: self.kernel.now)
        monkeypatch.setattr(handler, "Table", lambda *_: self.kernel)
        monkeypatch.setattr(handler, "Changes", lambda *_: self.changes)
        monkeypatch.setattr(handler, "Watch", NoWatch)
        self.part: EgressSet

    async def start(self, options: str = "", zones: str = "", others: Sequence[Part] = ()) -> Scene:
        block = self.world.build(BLOCK.format(options=options, zones=zones))
        part = block.parts[0]
        assert isinstance(part, EgressSet)
        block.parts.extend(others)
        self.part = part
        await part.start()
        return self

    async def ask(
        self, records: Sequence[Record], leave: Replay | None = None, *, query: Query | None = None, extra: Any = ()
    ) -> Reply:
        """What a client gets where the rest of the chain answers so."""
        asked = query or question("www.test")

        def answer(query: Query) -> Reply:
            return replace(from_records(query, "file", records, additional=extra), replay=leave)

        return await self.part.resolve(asked, answering(answer))


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    return Scene(monkeypatch)


def address(text: str, ttl: int = 300, name: str = "www.test") -> Record:
    packed = ip_address(text).packed
    return record(from_text(name), A if len(packed) == 4 else AAAA, ttl, packed)


async def test_addresses_of_both_families_are_put_in_for_their_ttl_and_the_grace(scene: Scene) -> None:
    await scene.start()
    alias = record(from_text("www.test"), CNAME, 10, from_text("real.test"))
    await scene.ask([alias, address("192.0.2.1", 300, "real.test"), address("2001:db8::1", 5)])
    assert scene.kernel.shown == {"four 192.0.2.1": 330, "six 2001:db8::1": 60}
    assert scene.world.metric("coredns_egress_set_elements_total", "inet egress", "added") == 2


async def test_what_is_in_for_long_enough_is_not_written_again(scene: Scene) -> None:
    await scene.start()
    await scene.ask([address("192.0.2.1", 5)])
    await scene.ask([address("192.0.2.1", 5)])
    assert len(scene.kernel.batches) == 1
    scene.kernel.now += 30
    await scene.ask([address("192.0.2.1", 5)])
    assert len(scene.kernel.batches) == 2


async def test_answers_that_wait_share_a_batch(scene: Scene) -> None:
    await scene.start()
    await asyncio.gather(*(scene.ask([address(f"192.0.2.{n}"), address("203.0.113.1")]) for n in range(1, 41)))
    assert [len(batch) for batch in scene.kernel.batches] == [41]


async def test_a_replay_whose_ttl_falls_is_left_alone_and_one_whose_does_not_gets_an_end(scene: Scene) -> None:
    await scene.start()
    falling = await scene.ask([address("192.0.2.1", 300)], Replay(1300.0, 1000.0))
    staying = await scene.ask([address("192.0.2.2", 5)], Replay(math.inf, live=True))
    assert falling.replay is not None
    assert falling.replay.until == 1300.0
    assert staying.replay is not None
    assert staying.replay.until == 1055.0


async def test_no_ttl_outlasts_the_longest_stay(scene: Scene) -> None:
    await scene.start("max_timeout 10m")
    reply = await scene.ask([address("192.0.2.1", 86400)], Replay(87400.0, 1000.0))
    assert reply.sections.answer[0].ttl == 570
    assert reply.replay is not None
    assert reply.replay.until == 1570.0
    assert scene.kernel.shown == {"four 192.0.2.1": 600}


async def test_names_outside_of_the_zones_open_nothing(scene: Scene) -> None:
    await scene.start(zones="example.org")
    await scene.ask([address("192.0.2.1")])
    assert scene.kernel.batches == []


async def test_glue_opens_nothing_unless_the_question_leads_to_it(scene: Scene) -> None:
    await scene.start()
    glue = [address("192.0.2.9", name="ns.test")]
    await scene.ask([address("192.0.2.1")], extra=glue)
    assert list(scene.kernel.shown) == ["four 192.0.2.1"]
    service = record(from_text("www.test"), 33, 60, b"\0\0\0\0\0\x50" + from_text("ns.test"))
    await scene.ask([service], extra=glue, query=question("www.test", "SRV"))
    assert "four 192.0.2.9" in scene.kernel.shown


async def test_hints_of_https_records_count(scene: Scene) -> None:
    await scene.start()
    hint = b"\0\1\0" + b"\0\4\0\4" + ip_address("192.0.2.7").packed
    await scene.ask([record(from_text("www.test"), 65, 60, hint)], query=question("www.test", "HTTPS"))
    assert list(scene.kernel.shown) == ["four 192.0.2.7"]


async def test_a_full_set_costs_only_those_whose_address_does_not_fit(scene: Scene) -> None:
    await scene.start("on_error fail")
    scene.kernel.refuses = {ip_address("192.0.2.2").packed: errno.ENFILE}
    leave = Replay(1300.0, 1000.0)
    good, bad = await asyncio.gather(*(scene.ask([address(one)], leave) for one in ("192.0.2.1", "192.0.2.2")))
    assert (good.rcode, bad.rcode) == (0, SERVFAIL)
    assert b"the firewall could not be told the addresses" in bad.options
    assert scene.world.metric("coredns_egress_set_failures_total", "inet egress", "full") == 1


async def test_an_answer_that_is_served_all_the_same_is_not_replayed(scene: Scene) -> None:
    await scene.start()
    scene.kernel.refuses = {ip_address("192.0.2.1").packed: errno.EPERM}
    reply = await scene.ask([address("192.0.2.1")], Replay(1300.0, 1000.0))
    assert (reply.rcode, reply.replay, len(reply.sections.answer)) == (0, None, 1)
    assert any("it takes the capability NET_ADMIN" in line for line in scene.world.lines)


async def test_an_element_that_somebody_took_out_ends_replays_and_is_put_in_again(scene: Scene) -> None:
    await scene.start()
    reply = await scene.ask([address("192.0.2.1")], Replay(1300.0, 1000.0))
    assert reply.replay is not None
    scene.changes.told = {("four", ip_address("192.0.2.1").packed)}
    scene.part._changed(scene.changes)  # type: ignore[arg-type]
    assert scene.world.withdrawn == [reply.replay.tags[-1]]
    await scene.ask([address("192.0.2.1")])
    assert len(scene.kernel.batches) == 2


class Directory(Part):
    """Knows who is behind some addresses."""

    name = "identity"

    def identify(self, client: str) -> Identity | None:
        return Identity("shop", "web-1") if client == "10.0.0.1" else None

    def settled(self, client: str) -> bool:
        return client != "10.0.0.9"

    def unknown(self, client: str) -> bool:
        return False

    async def meet(self, client: str) -> Identity | None:
        return self.identify(client)

    def subscribe(self, changed: Any) -> None:
        """Nobody moves."""


async def test_clients_of_a_namespace_have_sets_of_their_own_and_replays_too(scene: Scene) -> None:
    await scene.start("namespace shop shop4", others=[Directory()])
    for number, host in enumerate(("10.0.0.1", "10.0.0.2"), 1):
        await scene.ask([address(f"192.0.2.{number}")], query=question("www.test", client=(host, 1)))
    assert set(scene.kernel.shown) == {"shop4 192.0.2.1", "four 192.0.2.2"}
    first, second, third = (scene.part.group(f"10.0.0.{number}") for number in (1, 2, 9))
    assert first != second
    assert third is UNSETTLED


async def test_namespaces_need_somebody_who_knows_them(scene: Scene) -> None:
    with pytest.raises(ResolverError, match="needs the directive identity"):
        await scene.start("namespace shop shop4")


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        (None, "is not there"),
        (Shape(16, True, False, False, False), "is not of type ipv4_addr"),
        (Shape(4, False, False, False, False), "has no flags timeout"),
        (Shape(4, True, True, False, False), "holds ranges"),
        (Shape(4, True, False, True, False), "is a map"),
    ],
)
async def test_a_set_that_will_not_do_is_refused(scene: Scene, shape: Shape | None, said: str) -> None:
    scene.kernel.shapes = {**SHAPES, "four": shape}
    with pytest.raises(ResolverError, match=f"the set four of the table inet egress {said}"):
        await scene.start()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("max_timeout 30s", "min_timeout is above max_timeout"),
        ("max_timeout 60s\n grace 60s", "at least a second longer than grace"),
        ("namespace shop four\n namespace shop four", "has its sets already"),
        ("namespace shop six", "six cannot be a set for IPv4 and for IPv6"),
        ("namespace shop -", "namespace needs a set"),
        ("on_error panic", "panic"),
    ],
)
def test_what_makes_no_sense_is_refused(options: str, said: str) -> None:
    with pytest.raises(ConfigErrors, match=said):
        World().build(BLOCK.format(options=options, zones=""))


async def test_what_is_missing_is_told_where_it_is_named(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.kernel.shapes = {"four": SHAPES["four"]}
    with pytest.raises(ConfigError) as raised:
        await scene.start()
    assert raised.value.at is not None
    assert raised.value.at.line == 5  # set6
    monkeypatch.setattr(Kernel, "exists", lambda _: False)
    with pytest.raises(ConfigError, match="no table inet egress") as raised:
        await scene.start()
    assert raised.value.at is not None
    assert raised.value.at.line == 3


@pytest.mark.parametrize(("way", "said"), [("fail", "queries fail"), ("serve", "addresses are told")])
async def test_the_log_says_what_becomes_of_answers(scene: Scene, way: str, said: str) -> None:
    scene.kernel.refuses = {ip_address("192.0.2.1").packed: errno.ENOENT}
    await scene.start(f"on_error {way}")
    await scene.ask([address("192.0.2.1")])
    assert any(said in line for line in scene.world.lines)
