"""autopath: which answers are replayed for whom, and counted."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, from_records
from resolver.plugins.autopath import Autopath
from resolver.wire.constants import NOERROR, NXDOMAIN
from resolver.wire.names import from_text
from tests.plugins.autopath.paths import (
    POD,
    SITE,
    STRANGER,
    Below,
    Pods,
    PodsOfZone,
    with_file,
    with_pods,
)
from tests.plugins.chains import World, question


async def test_an_answer_is_replayed_while_all_that_led_to_it_holds(tmp_path: Path) -> None:
    part = await with_file(tmp_path)
    reply = await part.resolve(question("www.one.test"), Below("www", leave=Replay(100.0, tags=("data",))))
    leave = reply.replay
    assert leave is not None
    assert (leave.until, leave.tags) == (100.0, ("data",))


async def test_an_answer_is_not_replayed_where_something_that_led_to_it_must_not_be(tmp_path: Path) -> None:
    below = Below("www", leave=Replay(100.0))
    query = question("www.one.test")
    below.replies["www.two.test"] = from_records(query, "below", rcode=NXDOMAIN)

    async def once(asked: Query) -> Reply:
        reply = await below(asked)
        return reply.withheld() if asked.name == from_text("www.two.test") else reply

    reply = await (await with_file(tmp_path)).resolve(query, once)
    assert reply.rcode == NOERROR
    assert reply.replay is None


async def test_a_completed_answer_of_one_client_is_not_replayed_for_another() -> None:
    part = await with_pods(PodsOfZone())
    below = Below("api.example.org", leave=Replay(math.inf))
    query = question("api.example.org.shop.svc.cluster.local", client=POD)
    assert (await part.resolve(query, below)).replay is None


@pytest.mark.parametrize("client", [POD, STRANGER])
@pytest.mark.parametrize("name", ["no.shop.svc.cluster.local", "no.other.svc.cluster.local"])
async def test_a_denial_is_not_replayed_where_another_client_may_get_an_answer(
    name: str, client: tuple[str, int]
) -> None:
    part = await with_pods(PodsOfZone())
    reply = await part.resolve(question(name, client=client), Below(leave=Replay(math.inf)))
    assert (reply.rcode, reply.replay) == (NXDOMAIN, None)


@pytest.mark.parametrize("client", [POD, STRANGER])
async def test_a_name_that_exists_is_the_same_for_all_clients_and_replayed(client: tuple[str, int]) -> None:
    part = await with_pods(PodsOfZone())
    query = question("web.shop.svc.cluster.local", client=client)
    reply = await part.resolve(query, Below("web.shop.svc.cluster.local", leave=Replay(math.inf)))
    assert reply.replay is not None


async def test_outside_of_the_zones_of_the_directive_that_knows_the_clients_everything_is_replayed() -> None:
    leave = Replay(math.inf)
    reply = await (await with_pods(PodsOfZone())).resolve(question("example.org", client=POD), Below(leave=leave))
    assert reply.replay is leave
    reply = await (await with_pods(Pods())).resolve(question("example.org", client=POD), Below(leave=leave))
    assert reply.replay is None  # its zones are not known


async def test_answers_are_counted_and_denials_are_not(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "search.conf").write_text("search one.test two.test\n")
    part: Autopath = world.part(". {\n autopath search.conf\n}\n", tmp_path)
    await part.start()
    below = Below("www.two.test", "is.one.test", leave=Replay(math.inf))
    for name in ("www.one.test", "is.one.test", "none.one.test", "elsewhere.test"):
        await part.resolve(question(name, site=SITE), below)
    assert world.metric("coredns_autopath_success_total", "dns://:53") == 2


async def test_replayed_answers_are_counted(tmp_path: Path) -> None:
    world = World()
    (tmp_path / "search.conf").write_text("search one.test two.test\n")
    part: Autopath = world.part(". {\n autopath search.conf\n}\n", tmp_path)
    await part.start()
    reply = await part.resolve(question("www.one.test", site=SITE), Below("www", leave=Replay(math.inf)))
    assert reply.replay is not None
    for count in reply.replay.counts:
        count(10)
    assert world.metric("coredns_autopath_success_total", "dns://:53") == 11
