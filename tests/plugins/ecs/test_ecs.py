"""ecs: client subnets that are taken out, passed on or added."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure
from resolver.errors import ConfigErrors
from resolver.wire.constants import FORMERR
from resolver.wire.edns import Edns, option
from resolver.wire.subnet import subnet_of
from tests.plugins.chains import World, question

MINE = option(8, bytes.fromhex("00012000c0000207"))  # 192.0.2.7/32
OTHER = option(65001, b"x")


@dataclass
class Scene:
    """An upstream that answers with a scope, or without a word about it."""

    lines: str
    scope: int | None = None
    world: World = field(default_factory=World)
    seen: list[Query] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.part = self.world.part(f". {{\n ecs {self.lines}\n}}\n")

    async def ask(self, options: bytes | None = MINE, client: str = "8.8.8.8") -> Reply:
        query = question("www.example.org", client=(client, 4711))
        query.edns = None if options is None else Edns(1232, True, options=options)
        reply: Reply = await self.part.resolve(query, self._answer)
        return reply

    @property
    def sent(self) -> bytes | None:
        """The options with which the upstream was asked."""
        edns = self.seen[-1].edns
        return None if edns is None else edns.options

    def count(self, action: str) -> float:
        return self.world.metric("coredns_ecs_queries_total", "", ".", "", action)

    async def _answer(self, query: Query) -> Reply:
        self.seen.append(query)
        reply = failure(query, "forward", 0)
        reply.replay = Replay(math.inf)
        asked = subnet_of(query.edns.options) if query.edns else None
        if asked is not None and self.scope is not None:
            reply.options = OTHER + asked._replace(scope=self.scope).option()
        return reply


async def test_strip_takes_the_subnet_out_and_nothing_else() -> None:
    scene = Scene("strip")
    reply = await scene.ask(MINE + OTHER)
    assert scene.sent == OTHER
    assert (reply.source, reply.replay is not None, scene.count("stripped")) == ("forward", True, 1)


async def test_keep_passes_on_no_more_bits_than_it_may() -> None:
    scene = Scene("keep", scope=20)
    reply = await scene.ask(OTHER + MINE)
    assert scene.sent == OTHER + option(8, bytes.fromhex("00011800c00002"))
    assert reply.options == OTHER + option(8, bytes.fromhex("00012014c0000207")), "the client finds its own subnet"
    assert reply.replay is not None


async def test_keep_leaves_a_query_without_a_subnet_alone() -> None:
    scene = Scene("keep v4 16 v6 40")
    await scene.ask(None)
    assert scene.sent is None
    await scene.ask(OTHER)
    assert scene.sent == OTHER


@pytest.mark.parametrize(
    ("client", "expected"),
    [
        ("8.8.8.8", "00011800080808"),
        ("::ffff:8.8.8.8", "00011800080808"),
        ("2606:4700:0:1234:5678::1", "0002380026064700000012"),
    ],
)
async def test_add_tells_the_network_of_the_client(client: str, expected: str) -> None:
    scene = Scene("add", scope=24)
    reply = await scene.ask(OTHER, client)
    assert scene.sent == OTHER + option(8, bytes.fromhex(expected))
    assert reply.options == OTHER, "who sent no subnet is told of none"


def test_clients_whose_network_is_told_are_sorted_by_it() -> None:
    part = Scene("add").part
    assert part.sorts
    assert part.group("8.8.8.8") == part.group("8.8.8.200") != part.group("8.8.9.8")
    assert not Scene("keep").part.sorts


async def test_add_speaks_edns_for_who_does_not() -> None:
    scene = Scene("add v4 8")
    await scene.ask(None)
    assert scene.sent == option(8, bytes.fromhex("0001080008"))


@pytest.mark.parametrize("client", ["10.0.0.1", "127.0.0.1", "fd00::1", "fe80::1%eth0", "100.64.0.1"])
async def test_private_addresses_are_not_told(client: str) -> None:
    scene = Scene("add")
    await scene.ask(OTHER, client)
    assert (scene.sent, scene.count("private")) == (OTHER, 1)
    assert scene.part.group(client) is None, "those who are not told are a group"


@pytest.mark.parametrize(
    ("client", "expected"), [("10.0.0.1", "00011800c62900"), ("fd00::1", "0002380020010503ba3e00")]
)
async def test_public_addresses_stand_in_for_private_ones(client: str, expected: str) -> None:
    scene = Scene("add {\n public 2001:503:ba3e::2:30 198.41.0.4\n}")
    await scene.ask(b"", client)
    assert scene.sent == option(8, bytes.fromhex(expected))


@pytest.mark.parametrize("mode", ["keep", "add"])
async def test_who_asks_for_no_subnet_has_none_added(mode: str) -> None:
    nobody = option(8, bytes.fromhex("00010000"))
    scene = Scene(mode)
    await scene.ask(nobody)
    assert scene.sent == nobody


@pytest.mark.parametrize("mode", ["strip", "keep", "add"])
@pytest.mark.parametrize(
    "broken", [option(8, b"\0\1\x18\0\xc0"), MINE + MINE, option(8, bytes.fromhex("00011818c00002")), option(8, b"")]
)
async def test_a_broken_subnet_is_a_format_error(mode: str, broken: bytes) -> None:
    scene = Scene(mode)
    reply = await scene.ask(broken)
    assert (reply.rcode, scene.seen, scene.count("refused")) == (FORMERR, [], 1)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("", "at least 1 argument|1 to 5 arguments"),
        ("hide", "not known here"),
        ("add v4", "needs a number of bits"),
        ("add v4 33", "out of range"),
        ("add v4 8 v4 8", "given twice"),
        ("strip v4 8", "takes nothing else"),
        ("keep {\n public 8.8.8.8\n}", "for ecs add alone"),
        ("add {\n public 10.0.0.1\n}", "not a public address"),
    ],
)
def test_mistakes_are_told(lines: str, message: str) -> None:
    with pytest.raises(ConfigErrors, match=message):
        Scene(lines)
