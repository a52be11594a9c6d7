"""kubernetes: ExternalName services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from resolver.chain.query import Query
from resolver.chain.reply import Replay, Reply, failure, from_records
from resolver.wire.constants import NXDOMAIN, REFUSED, SOA, A
from resolver.wire.names import from_text
from resolver.wire.records import record
from tests.plugins.chains import World, answering, question
from tests.plugins.kubernetes.cluster import Cluster, running

NAMESPACE = "{kind: Namespace, metadata: {name: shop}}"
WEB = "{kind: Service, metadata: {name: web, namespace: shop}, spec: {clusterIP: 10.96.1.1, ports: [{port: 80}]}}"
OUTSIDE = "www.example.org"


def alias(name: str, target: str) -> str:
    spec = f"{{type: ExternalName, externalName: {target}}}"
    return f"{{kind: Service, metadata: {{name: {name}, namespace: shop}}, spec: {spec}}}"


def objects(*more: str) -> str:
    return "\n---\n".join((NAMESPACE, WEB, *more))


async def with_aliases(
    monkeypatch: pytest.MonkeyPatch,
    answer: Callable[[Query], Reply],
    *more: str,
    options: str = "",
    world: World | None = None,
) -> Cluster:
    """A cluster with these aliases; ``answer`` is what the rest of the server says."""
    cluster = await running(monkeypatch, objects(*more), options, world=world)

    def asked(query: Query) -> Reply:
        cluster.asked.append(query)
        return answer(query)

    cluster.world.host.ask = answering(asked)
    return cluster


def has_address(query: Query) -> Reply:
    return from_records(query, "forward", [record(query.qname, A, 60, bytes((192, 0, 2, 1)))])


def denied(rcode: int) -> Callable[[Query], Reply]:
    soa = record(from_text("example.org"), SOA, 60, from_text("ns.example.org") * 2 + bytes(20))
    return lambda query: from_records(query, "forward", (), [soa], rcode=rcode)


async def test_the_target_s_answer_follows_the_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await with_aliases(monkeypatch, has_address, alias("out", OUTSIDE))
    found = await cluster.ask("out.shop.svc.cluster.local")
    assert found.rcode == "NOERROR"
    assert found.answer == [
        "out.shop.svc.cluster.local. 5 IN CNAME www.example.org.",
        "www.example.org. 60 IN A 192.0.2.1",
    ]


async def test_the_server_is_asked_as_the_client_would(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await with_aliases(monkeypatch, has_address, alias("out", OUTSIDE))
    query = question("out.shop.svc.cluster.local", "AAAA", do=True, client=("10.1.2.3", 4))
    reply = await cluster.part.resolve(query, None)  # type: ignore[arg-type]
    (asked,) = cluster.asked
    assert (asked.name, asked.qtype, asked.client, asked.depth) == (from_text(OUTSIDE), 28, ("10.1.2.3", 4), 1)
    assert asked.do
    leave = reply.replay  # it has ended, and says that to keep the answer would only make it older
    assert leave is not None
    assert leave.live
    assert leave.until <= cluster.world.clock()


async def test_an_answer_is_repeated_no_longer_than_its_target_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    leaves = [Replay(now + 2, base=now - 1, tags=("target",)), Replay(now + 60, base=now - 1)]

    def cached(query: Query) -> Reply:
        return replace(has_address(query), replay=leaves[0])

    world = World(clock=lambda: now)
    cluster = await with_aliases(monkeypatch, cached, alias("out", OUTSIDE), world=world)
    for until in (now + 2, now + 5):  # the target's end, then that of the alias
        reply = await cluster.reply("out.shop.svc.cluster.local")
        leave = reply.replay
        assert leave is not None
        assert (leave.until, leave.base, leave.live) == (until, now - 1, True)
        assert set(leaves.pop(0).tags) < set(leave.tags)


@pytest.mark.parametrize("qtype", ["CNAME", "ANY"])
async def test_the_alias_itself_may_be_asked_for(monkeypatch: pytest.MonkeyPatch, qtype: str) -> None:
    cluster = await with_aliases(monkeypatch, has_address, alias("out", OUTSIDE))
    found = await cluster.ask("out.shop.svc.cluster.local", qtype)
    assert found.answer == ["out.shop.svc.cluster.local. 5 IN CNAME www.example.org."]
    assert cluster.asked == []


async def test_a_target_that_does_not_exist_is_told_with_its_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await with_aliases(monkeypatch, denied(NXDOMAIN), alias("out", OUTSIDE))
    found = await cluster.ask("out.shop.svc.cluster.local")
    assert (found.rcode, len(found.answer), found.authority[0].split()[0]) == ("NXDOMAIN", 1, "example.org.")


async def test_a_target_without_such_records_is_told_with_its_denial(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await with_aliases(monkeypatch, denied(0), alias("out", OUTSIDE))
    found = await cluster.ask("out.shop.svc.cluster.local", "TXT")
    assert (found.rcode, len(found.answer), len(found.authority)) == ("NOERROR", 1, 1)


async def test_where_nobody_serves_the_target_the_alias_is_all(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await with_aliases(monkeypatch, lambda query: failure(query, "", REFUSED), alias("out", OUTSIDE))
    found = await cluster.ask("out.shop.svc.cluster.local")
    assert (found.rcode, found.answer) == ("NOERROR", ["out.shop.svc.cluster.local. 5 IN CNAME www.example.org."])


async def test_where_somebody_failed_so_does_the_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await with_aliases(
        monkeypatch, lambda query: failure(query, "forward", error="no upstream answers"), alias("out", OUTSIDE)
    )
    reply = await cluster.reply("out.shop.svc.cluster.local")
    assert (reply.rcode, reply.source, reply.error) == (2, "kubernetes", "")
    assert reply.replay is not None
    assert reply.replay.live, "no cache keeps the failure: it may be this client's alone"


async def test_a_target_in_the_cluster_is_found_without_asking(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await with_aliases(
        monkeypatch, has_address, alias("one", "two.shop.svc.cluster.local"), alias("two", "Web.shop.svc.cluster.local")
    )
    reply = await cluster.reply("one.shop.svc.cluster.local")
    found = await cluster.ask("one.shop.svc.cluster.local")
    assert found.answer == [
        "one.shop.svc.cluster.local. 5 IN CNAME two.shop.svc.cluster.local.",
        "two.shop.svc.cluster.local. 5 IN CNAME Web.shop.svc.cluster.local.",
        "Web.shop.svc.cluster.local. 5 IN A 10.96.1.1",
    ]
    assert cluster.asked == []
    index, leave = cluster.part.index, reply.replay
    assert leave is not None
    assert {index.service_tag(key) for key in (b"\3one\4shop", b"\3two\4shop", b"\3web\4shop")} < set(leave.tags)


async def test_a_target_that_is_missing_in_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await with_aliases(monkeypatch, has_address, alias("one", "nope.shop.svc.cluster.local"))
    found = await cluster.ask("one.shop.svc.cluster.local")
    assert (found.rcode, len(found.answer), len(found.authority)) == ("NXDOMAIN", 1, 1)
    assert cluster.asked == []


async def test_a_target_of_the_cluster_that_falls_through_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    one = alias("one", "nope.shop.svc.cluster.local")
    cluster = await with_aliases(monkeypatch, has_address, one, options="fallthrough")
    assert len((await cluster.ask("one.shop.svc.cluster.local")).answer) == 2
    assert len(cluster.asked) == 1


@pytest.mark.parametrize("targets", [("a",), ("b", "a"), ("b", "c", "b")])
async def test_aliases_that_go_in_circles_fail(monkeypatch: pytest.MonkeyPatch, targets: tuple[str, ...]) -> None:
    aliases = [alias("abc"[n], f"{target}.shop.svc.cluster.local") for n, target in enumerate(targets)]
    cluster = await with_aliases(monkeypatch, has_address, *aliases)
    reply = await cluster.reply("a.shop.svc.cluster.local")
    assert (reply.rcode, reply.replay) == (2, None)
    assert "alias" in reply.error


async def test_a_chain_of_aliases_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    aliases = [alias(f"a{n}", f"a{n + 1}.shop.svc.cluster.local") for n in range(13)]
    cluster = await with_aliases(monkeypatch, has_address, *aliases, alias("a13", "web.shop.svc.cluster.local"))
    assert await cluster.rcode("a0.shop.svc.cluster.local") == "SERVFAIL"
    assert await cluster.rcode("a3.shop.svc.cluster.local") == "NOERROR"


async def test_an_alias_has_no_names_below(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await with_aliases(monkeypatch, has_address, alias("out", OUTSIDE))
    for name in ("x.out", "_http._tcp.out"):
        assert await cluster.rcode(f"{name}.shop.svc.cluster.local", "SRV") == "NXDOMAIN"


async def test_an_external_name_that_is_none_makes_no_service(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await with_aliases(monkeypatch, has_address, alias("out", "192.0.2.1"), alias("bad", "'a..b'"))
    for name in ("out", "bad"):
        assert await cluster.rcode(f"{name}.shop.svc.cluster.local") == "NXDOMAIN"
