"""kubernetes: what changes in the cluster is withdrawn, and nothing else."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path

import pytest

from tests.plugins.kubernetes.cluster import Cluster, running

SHOP = (Path(__file__).parent / "shop.yaml").read_text(encoding="utf-8")
OPTIONS = "pods verified"
PODS = """
kind: Pod
metadata: {name: web-abc, namespace: shop}
status: {podIP: 10.244.1.11}
"""
SERVICE = "{{kind: Service, metadata: {{name: {0}, namespace: {1}}}, spec: {{clusterIP: {2}, ports: [{{port: 80}}]}}}}"
SLICE = """
kind: EndpointSlice
metadata: {{name: {0}, namespace: shop, labels: {{kubernetes.io/service-name: {1}}}}}
endpoints: [{2}]
ports: [{{name: pg, port: 5432, protocol: TCP}}]
"""


@pytest.fixture
async def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return await running(monkeypatch, SHOP + "---" + PODS, OPTIONS)


async def tags(cluster: Cluster, name: str, qtype: str = "A") -> set[Hashable]:
    """The tags of an answer, which must have leave to be replayed."""
    reply = await cluster.reply(name, qtype)
    assert reply.replay is not None
    assert reply.replay.live
    return set(reply.replay.tags)


async def is_withdrawn(cluster: Cluster, name: str, before: set[Hashable]) -> bool:
    return bool(before & cluster.withdrawn())


async def test_a_service_that_changes_withdraws_its_answers(cluster: Cluster) -> None:
    names = [("web.shop.svc.cluster.local", "A"), ("web.shop.svc.cluster.local", "MX"),
             ("_http._tcp.web.shop.svc.cluster.local", "SRV"), ("x.web.shop.svc.cluster.local", "A"),
             ("1.1.96.10.in-addr.arpa", "PTR"), ("9.1.96.10.in-addr.arpa", "PTR")]  # fmt: skip
    before = [await tags(cluster, *name) for name in names]
    other = await tags(cluster, "plain.shop.svc.cluster.local")
    cluster.apply(SERVICE.format("web", "shop", "10.96.1.9"))
    withdrawn = cluster.withdrawn()
    assert [bool(each & withdrawn) for each in before] == [True] * len(names)
    assert not other & withdrawn
    assert await cluster.addresses("web.shop.svc.cluster.local") == ["10.96.1.9"]
    assert await cluster.addresses("web.shop.svc.cluster.local", "AAAA") == []


async def test_a_service_that_appears_withdraws_its_denial(cluster: Cluster) -> None:
    before = await tags(cluster, "new.shop.svc.cluster.local")
    unrelated = await tags(cluster, "newer.shop.svc.cluster.local")
    cluster.apply(SERVICE.format("new", "shop", "10.96.5.1"))
    withdrawn = cluster.withdrawn()
    assert (bool(before & withdrawn), bool(unrelated & withdrawn)) == (True, False)
    assert await cluster.addresses("new.shop.svc.cluster.local") == ["10.96.5.1"]


async def test_a_service_that_is_deleted_does_not_exist(cluster: Cluster) -> None:
    await cluster.ask("web.shop.svc.cluster.local")
    before = await tags(cluster, "web.shop.svc.cluster.local")
    cluster.delete("Service", "shop/web")
    assert await is_withdrawn(cluster, "web", before)
    assert await cluster.rcode("web.shop.svc.cluster.local") == "NXDOMAIN"


async def test_endpoints_that_change_withdraw_what_names_them(cluster: Cluster) -> None:
    names = [("db.shop.svc.cluster.local", "A"), ("db-0.db.shop.svc.cluster.local", "A"),
             ("2.2.244.10.in-addr.arpa", "PTR"), ("8.2.244.10.in-addr.arpa", "PTR")]  # fmt: skip
    before = [await tags(cluster, *name) for name in names]
    kept = await tags(cluster, "1.2.244.10.in-addr.arpa", "PTR")
    cluster.apply(SLICE.format("db-1", "db", "{addresses: [10.244.2.1], hostname: db-0}, {addresses: [10.244.2.8]}"))
    withdrawn = cluster.withdrawn()
    assert [bool(each & withdrawn) for each in before] == [True] * len(names)
    assert not kept & withdrawn
    assert await cluster.addresses("db.shop.svc.cluster.local") == ["10.244.2.1", "10.244.2.8"]


async def test_an_endpoint_that_gets_another_name_withdraws_its_pointer(cluster: Cluster) -> None:
    before = await tags(cluster, "2.2.244.10.in-addr.arpa", "PTR")
    cluster.apply(SLICE.format("db-1", "db", "{addresses: [10.244.2.2], hostname: renamed}"))
    assert await is_withdrawn(cluster, "pointer", before)
    found = await cluster.ask("2.2.244.10.in-addr.arpa", "PTR")
    assert found.answer == ["2.2.244.10.in-addr.arpa. 5 IN PTR renamed.db.shop.svc.cluster.local."]


async def test_a_slice_may_move_to_another_service(cluster: Cluster) -> None:
    await cluster.ask("db.shop.svc.cluster.local")
    cluster.apply(SLICE.format("db-1", "lonely", "{addresses: [10.244.2.1]}"))
    assert await cluster.addresses("db.shop.svc.cluster.local") == []  # an IPv6 slice is left
    assert await cluster.addresses("lonely.shop.svc.cluster.local") == ["10.244.2.1"]
    found = await cluster.ask("1.2.244.10.in-addr.arpa", "PTR")
    assert found.answer == ["1.2.244.10.in-addr.arpa. 5 IN PTR 10-244-2-1.lonely.shop.svc.cluster.local."]


async def test_the_same_object_again_withdraws_nothing(cluster: Cluster) -> None:
    cluster.apply(SHOP)
    assert cluster.withdrawn() == set()


async def test_a_slice_that_only_tells_another_time_withdraws_nothing(cluster: Cluster) -> None:
    ends = "{addresses: [10.244.2.1], hostname: db-0}"
    cluster.apply(SLICE.format("db-1", "db", ends))
    cluster.withdrawn()
    when = "metadata: {annotations: {endpoints.kubernetes.io/last-change-trigger-time: '2024-01-01T00:00:00Z'}, "
    cluster.apply(SLICE.format("db-1", "db", ends).replace("metadata: {", when))
    assert cluster.withdrawn() == set()


async def test_a_namespace_that_goes_takes_its_names_with_it(cluster: Cluster) -> None:
    names = [("web.shop.svc.cluster.local", "A"), ("shop.svc.cluster.local", "A"), ("1.1.96.10.in-addr.arpa", "PTR"),
             ("10-244-1-11.shop.pod.cluster.local", "A")]  # fmt: skip
    before = [await tags(cluster, *name) for name in names]
    cluster.delete("Namespace", "shop")
    withdrawn = cluster.withdrawn()
    assert [bool(each & withdrawn) for each in before] == [True] * len(names)
    assert [await cluster.rcode(*name) for name in names] == ["NXDOMAIN"] * len(names)


async def test_a_namespace_that_appears_withdraws_denials_in_it(cluster: Cluster) -> None:
    before = [await tags(cluster, name) for name in ("api.fresh.svc.cluster.local", "fresh.svc.cluster.local")]
    cluster.apply(SERVICE.format("api", "fresh", "10.96.3.3"))
    assert await cluster.rcode("api.fresh.svc.cluster.local") == "NXDOMAIN"
    cluster.apply("{kind: Namespace, metadata: {name: fresh}}")
    withdrawn = cluster.withdrawn()
    assert [bool(each & withdrawn) for each in before] == [True, True]
    assert await cluster.addresses("api.fresh.svc.cluster.local") == ["10.96.3.3"]


async def test_a_pod_that_comes_and_goes_withdraws_its_name(cluster: Cluster) -> None:
    name = "10-244-1-12.shop.pod.cluster.local"
    before = await tags(cluster, name)
    cluster.apply("{kind: Pod, metadata: {name: late, namespace: shop}, status: {podIP: 10.244.1.12}}")
    assert await is_withdrawn(cluster, name, before)
    assert await cluster.addresses(name) == ["10.244.1.12"]
    before = await tags(cluster, name)
    cluster.apply("{kind: Pod, metadata: {name: late, namespace: shop}, status: {podIP: 10.244.1.12, phase: Failed}}")
    assert await is_withdrawn(cluster, name, before)
    assert await cluster.rcode(name) == "NXDOMAIN"


async def test_the_serial_number_grows_and_is_asked_for_anew(cluster: Cluster) -> None:
    cluster.part.index.serial = 5
    before = await tags(cluster, "cluster.local", "SOA")
    cluster.apply(SERVICE.format("new", "shop", "10.96.5.1"))
    assert await is_withdrawn(cluster, "cluster.local", before)
    assert int((await cluster.ask("cluster.local", "SOA")).answer[0].split()[6]) > 1_700_000_000


async def test_names_that_can_never_exist_depend_on_nothing(cluster: Cluster) -> None:
    for name in ("www.de.example.org.shop.svc.cluster.local", "www.example.org.cluster.local", "svc.cluster.local"):
        assert await tags(cluster, name) == set()


async def test_followers_hear_of_services_and_of_namespaces(cluster: Cluster) -> None:
    heard: list[bytes] = []
    end = cluster.part.index.follow(heard.append)
    cluster.apply(SERVICE.format("new", "shop", "10.96.5.1"))
    cluster.delete("Namespace", "empty")
    end()
    cluster.delete("Service", "shop/new")
    assert heard == [b"\3new\4shop", b""]
