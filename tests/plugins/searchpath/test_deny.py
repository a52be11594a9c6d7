"""searchpath in mode nxdomain denies at once what cannot be in the cluster."""

from __future__ import annotations

import math

import pytest

from resolver.chain.reply import Reply
from resolver.plugins.searchpath import Stopper
from resolver.wire.constants import AA, NOERROR, NXDOMAIN
from resolver.wire.names import from_text
from tests.plugins.chains import World, question
from tests.plugins.searchpath.cluster import SITE, Network, lines, soa, stopper


async def denier(options: str = "external com net\nsearch node.test", world: World | None = None) -> Stopper:
    return await stopper("mode nxdomain\n" + options, world=world)


async def ask(
    name: str, qtype: str = "A", options: str = "external com net\nsearch node.test"
) -> tuple[Reply, list[str]]:
    network = Network()
    reply = await (await denier(options)).resolve(question(name, qtype, site=SITE), network)
    return reply, network.asked_names


@pytest.mark.parametrize(
    ("suffix", "cut"),
    [
        ("prod.svc.cluster.local", "com.prod.svc.cluster.local"),
        ("svc.cluster.local", "com.svc.cluster.local"),
        ("cluster.local", "com.cluster.local"),
    ],
)
@pytest.mark.parametrize("qtype", ["A", "AAAA", "HTTPS"])
async def test_below_a_name_that_is_not_there_nothing_is(suffix: str, cut: str, qtype: str) -> None:
    reply, asked = await ask(f"api.example.com.{suffix}", qtype)
    assert (reply.rcode, reply.flags, lines(reply)) == (NXDOMAIN, AA, [])
    assert reply.question == question(f"api.example.com.{suffix}", qtype).question
    assert reply.sections.authority == [soa("cluster.local", 5)]
    assert asked == [cut]


async def test_in_a_domain_of_the_nodes_nothing_is_asked_for_at_all() -> None:
    reply, asked = await ask("api.example.com.node.test")
    assert (reply.rcode, asked) == (NXDOMAIN, [])
    authority = reply.sections.authority[0]
    assert (authority.owner, authority.ttl, authority.rdata[-4:]) == (from_text("node.test"), 30, bytes((0, 0, 0, 30)))
    assert reply.body.data
    assert reply.replay is not None
    assert (reply.replay.until, reply.replay.tags) == (math.inf, ())


@pytest.mark.parametrize(
    "name",
    [
        "web.prod.svc.cluster.local",
        "db-7.db.prod.svc.cluster.local",
        "vm-1.node.test",
        "vm.rack.node.test",
        "api.example.com",
        "api.example.org.prod.svc.cluster.local",
        "_sip._tcp.example.com.node.test",
        "node.test",
        "com.node.test",
    ],
)
async def test_other_names_only_pass(name: str) -> None:
    assert (await ask(name))[1] == [name]


async def test_a_service_called_like_an_external_suffix_is_never_denied() -> None:
    network = Network(services=("com.prod.svc", "app-0.com.prod.svc", "web.com.svc"))
    part = await denier()
    for name in ("app-0.com.prod.svc.cluster.local", "web.com.svc.cluster.local"):
        reply = await part.resolve(question(name, site=SITE), network)
        assert (reply.rcode, len(lines(reply))) == (NOERROR, 1)
        assert reply.replay is not None


async def test_what_decides_is_asked_for_by_all_names_of_a_suffix_together() -> None:
    network = Network()
    part = await denier()
    for name in ("api.example.com", "www.shop.com", "a.b.c.d.com"):
        await part.resolve(question(f"{name}.prod.svc.cluster.local"), network)
    assert set(network.asked_names) == {"com.prod.svc.cluster.local"}


async def test_a_cluster_that_cannot_tell_is_asked_for_the_name_itself() -> None:
    network = Network(broken=("com.prod.svc.cluster.local",))
    name = "api.example.com.prod.svc.cluster.local"
    reply = await (await denier()).resolve(question(name), network)
    assert network.asked_names == ["com.prod.svc.cluster.local", name]
    assert (reply.rcode, reply.replay) == (NXDOMAIN, None)


async def test_a_denial_is_replayed_while_the_one_that_it_rests_on_is() -> None:
    leave = (await ask("api.example.com.prod.svc.cluster.local"))[0].replay
    assert leave is not None
    assert (leave.until, leave.tags, leave.live) == (1000.0, ("com.prod.svc.cluster.local",), True)


async def test_names_with_many_labels_are_denied_where_min_labels_says_so() -> None:
    options = "min_labels 4\nsearch node.test"
    reply, asked = await ask("a.b.c.d.node.test", options=options)
    assert (reply.rcode, asked) == (NXDOMAIN, [])
    assert (await ask("b.c.d.node.test", options=options))[1] == ["b.c.d.node.test"]


async def test_what_was_denied_is_counted() -> None:
    world = World(clock=lambda: 100.0)
    part = await denier(world=world)
    network = Network(services=("com.shop.svc",))
    for name in ("x.com.prod.svc.cluster.local", "x.com.node.test", "x.com.shop.svc.cluster.local"):
        await part.resolve(question(name, site=SITE), network)
    assert world.metric("coredns_searchpath_stopped_total", *SITE, "nxdomain", "nxdomain") == 2
    assert world.metric("coredns_searchpath_saved_queries_total", *SITE) == 2
    assert world.metric("coredns_searchpath_passed_total", *SITE, "cluster") == 1
    assert world.metric("coredns_searchpath_namespace_queries_total", "prod") == 1


async def test_a_label_that_is_no_name_of_a_namespace_is_counted_as_another() -> None:
    world = World(clock=lambda: 100.0)
    part = await denier(world=world)
    await part.resolve(question("x.com.a\\032b.svc.cluster.local", site=SITE), Network())
    assert world.metric("coredns_searchpath_namespace_queries_total", "other") == 1
