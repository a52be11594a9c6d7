"""searchpath answers with what the client would find at the end of its search path."""

from __future__ import annotations

from typing import Any

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Reply, failure, from_records
from resolver.wire.constants import AD, CNAME, NOERROR, NXDOMAIN, REFUSED, SERVFAIL
from resolver.wire.names import from_text, to_text
from resolver.wire.records import record
from tests.plugins.chains import World, question
from tests.plugins.searchpath.cluster import SITE, Network, lines, soa, stopper

NAME = "api.example.com.prod.svc.cluster.local"


async def ask(name: str, qtype: str = "A", options: str = "", *, network: Network | None = None, **more: Any) -> Reply:
    part = await stopper(options)
    return await part.resolve(question(name, qtype, site=SITE, **more), network or Network())


async def test_an_external_name_is_answered_behind_an_alias() -> None:
    reply = await ask(NAME)
    assert (reply.rcode, reply.question) == (NOERROR, question(NAME).question)
    assert lines(reply) == [f"{NAME}. 5 CNAME api.example.com.", "api.example.com. 300 A"]


async def test_the_spelling_of_the_client_is_kept() -> None:
    reply = await ask("API.Example.com.PROD.svc.cluster.local")
    assert lines(reply) == [
        "API.Example.com.PROD.svc.cluster.local. 5 CNAME API.Example.com.", "API.Example.com. 300 A",
    ]  # fmt: skip


async def test_the_names_are_tried_in_the_order_of_the_client() -> None:
    network = Network()
    await ask(NAME, options="search node.test corp.test", network=network)
    assert network.asked_names == [
        NAME, "com.prod.svc.cluster.local", "prod.svc.cluster.local", "api.example.com.svc.cluster.local",
        "api.example.com.cluster.local", "api.example.com.node.test", "api.example.com.corp.test", "api.example.com",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("cart.shop.prod.svc.cluster.local", "cart.shop.svc.cluster.local"),
        ("cart.shop.svc.prod.svc.cluster.local", "cart.shop.svc.cluster.local"),
        ("10-0-0-1.shop.pod.prod.svc.cluster.local", "10-0-0-1.shop.pod.cluster.local"),
        ("cart.shop.svc.cluster.local.prod.svc.cluster.local", "cart.shop.svc.cluster.local"),
        ("db-0.db.prod.shop.svc.cluster.local", "db-0.db.prod.svc.cluster.local"),
    ],
)
async def test_a_name_of_the_cluster_behind_a_later_suffix_is_found(name: str, found: str) -> None:
    network = Network(names=())
    reply = await ask(name, options="search node.test", network=network)
    assert lines(reply) == [f"{name}. 5 CNAME {found}.", f"{found}. 5 A"]
    assert not any(asked.endswith("node.test") for asked in network.asked_names)


async def test_a_name_in_a_domain_of_the_nodes_comes_before_the_one_outside() -> None:
    network = Network(names=("api.example.com", "api.example.com.node.test"))
    assert lines(await ask(NAME, options="search node.test", network=network))[1] == "api.example.com.node.test. 300 A"


# --- names of the cluster


@pytest.mark.parametrize(
    "name",
    [
        "web.prod.svc.cluster.local",
        "db-0.db.prod.svc.cluster.local",
        "db.prod.svc.cluster.local",
        "prod.svc.cluster.local",
    ],
)
async def test_names_of_the_cluster_are_asked_for_once_and_left_as_they_are(name: str) -> None:
    network = Network()
    query = question(name, site=SITE)
    assert (await (await stopper()).resolve(query, network)).rcode == NOERROR
    assert network.queries == [query]


@pytest.mark.parametrize(
    "name",
    [
        "db-7.db.prod.svc.cluster.local",  # a Pod that is not there (yet): nobody outside is asked for db-7.db
        "a.b.web.prod.svc.cluster.local",
        "api.example.com.nowhere.svc.cluster.local",  # no such namespace
        "api.example.com.svc.cluster.local",  # a later step of the client, not a namespace called com
        "api.example.com.cluster.local",
        "com.prod.svc.cluster.local",
        "_http._tcp.web.prod.svc.cluster.local",
        "_http._tcp.example.com.prod.svc.cluster.local",
        "pin._zone.example.com.prod.svc.cluster.local",
    ],
)
async def test_what_could_be_a_name_of_the_cluster_is_denied_as_ever_and_never_asked_for_outside(name: str) -> None:
    network = Network(names=("db-7.db", "a.b.web", "api.example.com", "api.example", "example.com"))
    reply = await ask(name, network=network)
    assert (reply.rcode, lines(reply), reply.sections.authority) == (NXDOMAIN, [], [soa("cluster.local", 5)])
    assert all(asked.endswith("cluster.local") for asked in network.asked_names)


async def test_a_name_that_does_not_exist_outside_is_not_taken_for_one_in_a_namespace() -> None:
    """``api.example.com.co`` does not exist; its second step must not bring the address of ``api.example.com``."""
    network = Network()
    for name in ("api.example.com.co.prod.svc.cluster.local", "api.example.com.co.svc.cluster.local"):
        assert (await ask(name, network=network)).rcode == NXDOMAIN


@pytest.mark.parametrize(
    "name", ["api.example.com", "example.com.svc.cluster.test", "xcluster.local", "a.b.c.xsvc.cluster.local"]
)
async def test_other_names_only_pass(name: str) -> None:
    network = Network()
    await ask(name, network=network)
    assert network.asked_names == [name]


@pytest.mark.parametrize("qtype", ["CNAME", "ANY", "AXFR"])
async def test_types_that_an_alias_cannot_answer_only_pass(qtype: str) -> None:
    network = Network()
    await ask(NAME, qtype, network=network)
    assert network.asked_names == [NAME]


async def test_other_classes_and_questions_of_the_server_itself_only_pass() -> None:
    network = Network()
    part = await stopper()
    for changes in ({"qclass": 3}, {"depth": 1}):
        await part.resolve(question(NAME).derive(**changes), network)
    assert network.asked_names == [NAME, NAME]


async def test_a_service_that_is_an_alias_to_something_missing_is_left_as_it_is() -> None:
    query = question(NAME)
    alias = record(query.qname, CNAME, 5, from_text("missing.test"))
    own = from_records(query, "kubernetes", [alias], rcode=NXDOMAIN)

    network = Network()

    async def below(asked: Query) -> Reply:
        return own if asked is query else await network(asked)

    assert await (await stopper()).resolve(query, below) is own
    assert network.asked == []


# --- both address families


async def test_a_name_with_addresses_of_one_family_denies_the_other_behind_the_alias() -> None:
    network = Network(only={"api.example.com": "A"}, names=())
    reply = await ask(NAME, "AAAA", network=network)
    assert (reply.rcode, lines(reply)) == (NOERROR, [f"{NAME}. 5 CNAME api.example.com."])
    assert reply.sections.authority == [soa("test", 30)]


@pytest.mark.parametrize("only", ["A", "AAAA"])
async def test_both_families_come_from_the_same_name(only: str) -> None:
    network = Network(names=("api.example.com",), only={"api.example.com.node.test": only})
    targets = {
        lines(await ask(NAME, qtype, "search node.test", network=network))[0].rpartition(" ")[2]
        for qtype in ("A", "AAAA")
    }
    assert targets == {"api.example.com.node.test."}


@pytest.mark.parametrize(("denied", "found"), [("AAAA", "api.example.com.node.test."), ("A", "api.example.com.")])
async def test_a_server_that_denies_names_for_lack_of_a_type_does_not_split_the_families(
    denied: str, found: str
) -> None:
    both = ("api.example.com", "api.example.com.node.test")
    network = Network(names=both, denied_types={"api.example.com.node.test": denied})
    replies = [await ask(NAME, qtype, "search node.test", network=network) for qtype in ("A", "AAAA")]
    assert {lines(reply)[0].rpartition(" ")[2] for reply in replies} == {found}
    assert [reply.rcode for reply in replies] == [NOERROR, NOERROR]


async def test_the_last_name_is_asked_for_once() -> None:
    network = Network()
    for qtype in ("A", "AAAA", "MX"):
        assert lines(await ask(NAME, qtype, network=network))[0] == f"{NAME}. 5 CNAME api.example.com."
    assert [kind for name, kind in network.asked if name == "api.example.com"] == [1, 28, 15]


async def test_a_name_before_the_last_is_asked_for_with_both_types() -> None:
    network = Network()
    reply = await ask("cart.shop.prod.svc.cluster.local", "AAAA", network=network)
    assert lines(reply)[1] == "cart.shop.svc.cluster.local. 5 AAAA"
    assert [kind for name, kind in network.asked if name == "cart.shop.svc.cluster.local"] == [1, 28]


async def test_where_the_last_name_is_denied_for_lack_of_a_type_the_denial_stays() -> None:
    network = Network(denied_types={"api.example.com": "AAAA"})
    assert (await ask(NAME, "AAAA", network=network)).rcode == NXDOMAIN
    assert (await ask(NAME, "A", network=network)).rcode == NOERROR


# --- nothing found, failures, policy


async def test_where_no_name_exists_the_denial_of_the_cluster_stays() -> None:
    network = Network(names=())
    reply = await ask(NAME, options="search node.test", network=network)
    assert (reply.rcode, reply.sections.authority) == (NXDOMAIN, [soa("cluster.local", 5)])
    assert network.asked_names[-1] == "api.example.com"


@pytest.mark.parametrize("broken", ["api.example.com", "api.example.com.node.test"])
@pytest.mark.parametrize("qtype", ["A", "AAAA"])
async def test_a_failure_on_the_way_is_a_failure_and_no_denial(broken: str, qtype: str) -> None:
    query = question(NAME, qtype, site=SITE)
    reply = await (await stopper("search node.test")).resolve(query, Network(broken=(broken,)))
    assert (reply.rcode, reply.error, reply.question) == (SERVFAIL, "no upstream", query.question)
    assert reply.options


@pytest.mark.parametrize("broken", [NAME, "com.prod.svc.cluster.local", "prod.svc.cluster.local"])
async def test_a_cluster_that_cannot_tell_is_not_gone_round(broken: str) -> None:
    network = Network(broken=(broken,))
    reply = await ask(NAME, network=network)
    assert reply.rcode == (SERVFAIL if broken == NAME else NXDOMAIN)
    assert "api.example.com" not in network.asked_names


async def test_a_refusal_of_the_external_name_is_what_the_client_gets() -> None:
    network = Network()

    async def guarded(query: Query) -> Reply:
        is_external = to_text(query.name) == "api.example.com."
        return failure(query, "acl", REFUSED) if is_external else await network(query)

    reply = await (await stopper()).resolve(question(NAME, client=("10.0.0.1", 9)), guarded)
    assert reply.rcode == REFUSED
    assert {query.client for query in network.queries} == {("10.0.0.1", 9)}


async def test_an_answer_behind_an_alias_is_not_called_authentic() -> None:
    async def signed(query: Query) -> Reply:
        reply = await Network()(query)
        reply.flags |= AD
        return reply

    reply = await (await stopper()).resolve(question(NAME, do=True), signed)
    assert not reply.flags & AD


async def test_names_that_would_be_too_long_are_left_out() -> None:
    front = ".".join(["a" * 60] * 3 + ["b" * 35])
    network = Network(names=(front,))
    reply = await ask(f"{front}.prod.svc.cluster.local", options="search " + ".".join(["n" * 40] * 2), network=network)
    assert lines(reply)[0].endswith(f"CNAME {front}.")
    assert all(len(from_text(name)) <= 255 for name in network.asked_names)
    assert not any("nnn" in name for name in network.asked_names)


async def test_a_walk_that_takes_too_long_ends_in_a_failure() -> None:
    now = [100.0]
    network = Network()

    async def slow(query: Query) -> Reply:
        now[0] += 2.0
        return await network(query)

    part = await stopper("search node.test", world=World(clock=lambda: now[0]))
    reply = await part.resolve(question(NAME), slow)
    assert reply.rcode == SERVFAIL
    assert "take too long" in reply.error
    assert "api.example.com" not in network.asked_names


# --- options


@pytest.mark.parametrize(("name", "answered"), [("api.example.com", True), ("www.example.org", False)])
async def test_external_names_bound_what_is_answered_and_are_looked_for_outside_only(name: str, answered: bool) -> None:
    network = Network(names=("api.example.com", "www.example.org"))
    reply = await ask(
        f"{name}.prod.svc.cluster.local", options="external example.com\nsearch node.test", network=network
    )
    assert bool(lines(reply)) is answered
    assert not any(
        asked.startswith(f"{name}.node") or asked == f"{name}.svc.cluster.local" for asked in network.asked_names
    )


async def test_names_that_are_complete_with_the_zone_are_answered_beside_external_ones() -> None:
    reply = await ask("cart.shop.svc.cluster.local.prod.svc.cluster.local", options="external example.com")
    assert lines(reply)[1] == "cart.shop.svc.cluster.local. 5 A"


@pytest.mark.parametrize(("name", "answered"), [("api.example.com", True), ("example.com", False)])
async def test_min_labels_bounds_what_is_answered(name: str, answered: bool) -> None:
    assert bool(lines(await ask(f"{name}.prod.svc.cluster.local", options="min_labels 3"))) is answered


# --- replaying

ASKED_FIRST = {NAME, "com.prod.svc.cluster.local", "prod.svc.cluster.local"}


async def test_an_answer_is_replayed_while_everything_that_led_to_it_holds() -> None:
    leave = (await ask(NAME)).replay
    assert leave is not None
    assert (leave.until, leave.base, leave.live) == (105.0, 90.0, False)
    assert set(leave.tags) == ASKED_FIRST | {"api.example.com.svc.cluster.local", "api.example.com.cluster.local"}


async def test_an_answer_of_the_cluster_is_live() -> None:
    leave = (await ask("cart.shop.prod.svc.cluster.local")).replay
    assert leave is not None
    assert (leave.until, leave.base, leave.live) == (1000.0, None, True)
    assert "cart.shop.svc.cluster.local" in leave.tags


@pytest.mark.parametrize(
    ("name", "decided_by"),
    [
        ("db-7.db.prod.svc.cluster.local", {"db-7.db.prod.svc.cluster.local", "db.prod.svc.cluster.local"}),
        (
            "a.b.nowhere.svc.cluster.local",
            {"a.b.nowhere.svc.cluster.local", "b.nowhere.svc.cluster.local", "nowhere.svc.cluster.local"},
        ),
    ],
)
async def test_a_denial_is_withdrawn_with_what_kept_it_from_being_looked_for(name: str, decided_by: set[str]) -> None:
    leave = (await ask(name)).replay
    assert leave is not None
    assert set(leave.tags) == decided_by


async def test_a_denial_by_all_is_replayed_while_all_of_them_hold() -> None:
    leave = (await ask(NAME, network=Network(names=()))).replay
    assert leave is not None
    assert (leave.until, leave.live) == (200.0, False)
    assert set(leave.tags) > ASKED_FIRST


async def test_without_leave_in_one_of_the_replies_nothing_is_replayed() -> None:
    assert (await ask(NAME, network=Network(replayed=False))).replay is None


# --- metrics


async def test_what_was_stopped_is_counted_with_what_it_saved() -> None:
    world = World(clock=lambda: 100.0)
    part = await stopper("search node.test", world=world)
    network = Network()
    for name in ("api.example.com", "cart.shop", "api.example.net", "db-7.db"):
        await part.resolve(question(f"{name}.prod.svc.cluster.local", site=SITE), network)
    stopped = "coredns_searchpath_stopped_total"
    assert world.metric(stopped, *SITE, "answer", "external") == 1
    assert world.metric(stopped, *SITE, "answer", "cluster") == 1
    assert world.metric("coredns_searchpath_saved_queries_total", *SITE) == 4 + 1
    assert world.metric("coredns_searchpath_passed_total", *SITE, "denied") == 1
    assert world.metric("coredns_searchpath_passed_total", *SITE, "cluster") == 1
    assert world.metric("coredns_searchpath_namespace_queries_total", "prod") == 3


async def test_replays_are_counted_like_the_first_answer() -> None:
    world = World(clock=lambda: 100.0)
    part = await stopper(world=world)
    leave = (await part.resolve(question(NAME, site=SITE), Network())).replay
    again = (await part.resolve(question(NAME, site=SITE), Network())).replay
    assert leave is not None
    assert again is not None
    assert leave.counts == again.counts
    for count in leave.counts:
        count(9)
    assert world.metric("coredns_searchpath_stopped_total", *SITE, "answer", "external") == 2 + 9
    assert world.metric("coredns_searchpath_saved_queries_total", *SITE) == 3 * (2 + 9)
    assert world.metric("coredns_searchpath_namespace_queries_total", "prod") == 2 + 9


@pytest.mark.parametrize(("option", "counted"), [("namespaces 1", {"prod": 1, "other": 1}), ("namespaces 0", {})])
async def test_namespaces_beyond_the_limit_are_counted_together(option: str, counted: dict[str, int]) -> None:
    world = World(clock=lambda: 100.0)
    part = await stopper(option, world=world)
    for namespace in ("prod", "shop"):
        await part.resolve(question(f"api.example.com.{namespace}.svc.cluster.local", site=SITE), Network())
    family = next(f for f in world.host.registry.families() if f.name == "coredns_searchpath_namespace_queries_total")
    assert {labels[0]: cell.value for labels, cell in family.cells.items()} == counted
