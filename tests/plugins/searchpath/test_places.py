"""Names are asked for where the server answers them."""

from __future__ import annotations

import pytest

from resolver.chain.query import Site
from resolver.chain.setup import Block
from resolver.plugins.searchpath.places import Places, Side
from resolver.plugins.searchpath.walk import Walk
from resolver.wire.constants import NXDOMAIN
from resolver.wire.names import ROOT, from_text, to_text
from tests.plugins.chains import World, question
from tests.plugins.searchpath.cluster import Network, lines, stopper

SERVER = "dns://:53"
QUERY = question("api.example.com.prod.svc.cluster.local", site=Site(SERVER, "cluster.local."))


def block(*zones: str, server: str = SERVER, view: str = "") -> Block:
    wires = tuple(from_text(zone) for zone in zones)
    return Block(wires, tuple(Site(server, to_text(zone), view) for zone in wires))


def sides(own: Block, others: list[Block], *names: str) -> list[Side]:
    world = World()
    world.host.blocks = lambda: [own, *others]
    places = Places(own, world.host)
    return [places.side(QUERY, from_text(name)) for name in names]


def test_the_longest_zone_decides() -> None:
    assert sides(block("."), [block("example.com")], "www.example.com", "www.example.org", "example.com") == [
        Side.ELSEWHERE, Side.HERE, Side.ELSEWHERE,
    ]  # fmt: skip


def test_a_block_of_the_cluster_alone_leaves_the_rest_to_another() -> None:
    assert sides(block("cluster.local"), [block(".")], "a.svc.cluster.local", "example.com") == [
        Side.HERE,
        Side.ELSEWHERE,
    ]


def test_what_no_block_of_the_listener_takes_is_answered_nowhere() -> None:
    others = [block(".", server="dns://127.0.0.1:54")]
    assert sides(block("cluster.local"), others, "a.svc.cluster.local", "example.com") == [Side.HERE, Side.NOWHERE]


def test_where_a_view_may_decide_the_server_is_asked() -> None:
    assert sides(block(".", view="inner"), [block(".")], "example.com") == [Side.ELSEWHERE]


def test_before_the_block_is_in_service_its_own_zones_decide() -> None:
    places = Places(block("cluster.local"), World().host)
    assert places.side(QUERY, from_text("a.cluster.local")) is Side.HERE
    assert places.side(QUERY, from_text("example.com")) is Side.ELSEWHERE
    assert Places(block("."), World().host).side(QUERY, ROOT) is Side.HERE


@pytest.mark.parametrize("served", [True, False])
async def test_a_name_of_another_block_is_asked_for_there_or_left_alone(served: bool) -> None:
    network, outside = Network(), Network()
    world = World(clock=lambda: 100.0)
    own = block("cluster.local")
    world.host.blocks = lambda: [own, block(".")] if served else [own]
    world.host.ask = outside
    walking = await stopper(world=world)
    walking._places = Places(own, world.host)
    reply = await walking.resolve(QUERY, network)
    if served:
        assert lines(reply)[1] == "api.example.com. 300 A"
        assert [(query.depth, query.client) for query in outside.queries] == [(1, QUERY.client)]
    else:
        assert (reply.rcode, outside.asked) == (NXDOMAIN, [])
        assert world.metric("coredns_searchpath_passed_total", SERVER, "cluster.local.", "", "outside") == 1
    assert all(name.endswith("cluster.local") for name in network.asked_names)


async def test_questions_on_the_way_are_one_deeper() -> None:
    network = Network()
    await Walk(QUERY, network, World().host, Places(block("."), World().host)).ask(from_text("example.com"), 1)
    assert [(query.depth, to_text(query.qname)) for query in network.queries] == [(1, "example.com.")]
