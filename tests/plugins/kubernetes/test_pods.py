"""kubernetes: names of Pods, the Pod that asks, and what is told of both."""

from __future__ import annotations

import pytest

from resolver.wire.names import from_text
from tests.plugins.chains import question
from tests.plugins.kubernetes.cluster import Cluster, running

OBJECTS = """
kind: Namespace
metadata: {name: shop}
---
kind: Namespace
metadata: {name: other}
---
kind: Pod
metadata: {name: web-1, namespace: shop, labels: {app: web, tier: front}}
status: {podIP: 10.244.1.11, podIPs: [{ip: 10.244.1.11}, {ip: "fd00:10:244::11"}], phase: Running}
---
kind: Pod
metadata: {name: host-1, namespace: shop}
status: {podIP: 192.0.2.10}
---
kind: Pod
metadata: {name: host-2, namespace: other}
status: {podIP: 192.0.2.10}
---
kind: Pod
metadata: {name: leaving, namespace: shop, deletionTimestamp: "2024-01-01T00:00:00Z"}
status: {podIP: 10.244.1.12}
"""


async def test_disabled_knows_no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, OBJECTS)
    for name in ("shop", "10-244-1-11.shop", "1-2-3-4.shop"):
        assert await cluster.rcode(f"{name}.pod.cluster.local") == "NXDOMAIN"
    assert not any(given.kind.plural == "pods" for given, _, _ in cluster.pool.given)


async def test_insecure_makes_an_address_of_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, OBJECTS, "pods insecure")
    assert await cluster.addresses("1-2-3-4.shop.pod.cluster.local") == ["1.2.3.4"]
    assert await cluster.addresses("1-2-3-4.shop.pod.cluster.local", "AAAA") == []
    assert await cluster.addresses("2001-db8--1.shop.pod.cluster.local", "AAAA") == ["2001:db8::1"]
    assert await cluster.addresses("fd00--0.shop.pod.cluster.local", "AAAA") == ["fd00::"]
    assert await cluster.rcode("shop.pod.cluster.local") == "NOERROR"


@pytest.mark.parametrize(
    "name", ["1-2-3.shop", "1-2-3-256.shop", "1-2-3-04.shop", "web.shop", "1-2-3-4.nowhere", "x.1-2-3-4.shop",
             "1\\.2\\.3\\.4.shop", "\\058\\0581.shop", "*.shop", "1-2-3-4-5.shop"],
)  # fmt: skip
async def test_insecure_needs_an_address_and_a_namespace(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    cluster = await running(monkeypatch, OBJECTS, "pods insecure")
    assert await cluster.rcode(f"{name}.pod.cluster.local") == "NXDOMAIN"


async def test_verified_knows_all_addresses_of_the_pods_of_a_namespace(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, OBJECTS, "pods verified")
    assert await cluster.addresses("10-244-1-11.shop.pod.cluster.local") == ["10.244.1.11"]
    for spelling in ("fd00-10-244--11", "fd00-10-244-0-0-0-0-11", "FD00-010-244--11"):
        assert await cluster.addresses(f"{spelling}.shop.pod.cluster.local", "AAAA") == ["fd00:10:244::11"]
    assert await cluster.addresses("192-0-2-10.other.pod.cluster.local") == ["192.0.2.10"]
    for name in ("10-244-1-11.other", "10-244-1-12.shop", "1-2-3-4.shop", "10-244-1-11.nowhere"):
        assert await cluster.rcode(f"{name}.pod.cluster.local") == "NXDOMAIN"


async def test_pods_that_have_ended_are_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, OBJECTS, "pods verified")
    fields = next(given.fields for given, _, _ in cluster.pool.given if given.kind.plural == "pods")
    assert fields == "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown"


async def path(cluster: Cluster, address: str, name: str = "x.cluster.local") -> list[bytes] | None:
    found = cluster.part.search_path(question(name, client=(address, 1)))
    return None if found is None else list(found)


async def test_the_search_path_of_the_pod_that_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.plugins.kubernetes.handler._search_of_system", lambda: (from_text("node.test"),))
    cluster = await running(monkeypatch, OBJECTS, "pods verified", zones="cluster.local corp.test in-addr.arpa")
    names = ["shop.svc.corp.test", "svc.corp.test", "corp.test", "node.test"]
    for address in ("10.244.1.11", "::ffff:10.244.1.11", "fd00:10:244::11"):
        assert await path(cluster, address, "web.shop.svc.Corp.test") == [from_text(name) for name in names]


@pytest.mark.parametrize(
    ("address", "name"),
    [("10.9.9.9", "x.cluster.local"), ("192.0.2.10", "x.cluster.local"), ("10.244.1.11", "www.example.org"),
     ("10.244.1.11", "1.in-addr.arpa"), ("nonsense", "x.cluster.local")],
)  # fmt: skip
async def test_no_search_path_for_others(monkeypatch: pytest.MonkeyPatch, address: str, name: str) -> None:
    cluster = await running(monkeypatch, OBJECTS, "pods verified", zones="cluster.local in-addr.arpa")
    assert await path(cluster, address, name) is None


async def test_no_search_path_without_verified_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, OBJECTS, "pods insecure")
    assert await path(cluster, "10.244.1.11") is None


async def told(cluster: Cluster, name: str, address: str = "10.9.9.9") -> dict[str, str]:
    labels: dict[str, str] = {}
    cluster.part.describe(question(name, client=(address, 1)), labels)
    return {key.removeprefix("kubernetes/"): value for key, value in labels.items() if value}


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("web.Shop.svc.cluster.local", {"kind": "svc", "namespace": "shop", "service": "web"}),
        ("db-0.db.shop.svc.cluster.local",
         {"kind": "svc", "namespace": "shop", "service": "db", "endpoint": "db-0"}),
        ("_http._tcp.web.shop.svc.cluster.local",
         {"kind": "svc", "namespace": "shop", "service": "web", "port-name": "http", "protocol": "tcp"}),
        ("1-2-3-4.shop.pod.cluster.local", {"kind": "pod", "namespace": "shop", "service": "1-2-3-4"}),
        ("a.b.pin._zone.db.shop.svc.cluster.local",
         {"kind": "svc", "namespace": "shop", "service": "db", "zone": "a.b"}),
        ("db-0.east.db.shop.svc.set.local",
         {"kind": "svc", "namespace": "shop", "service": "db", "endpoint": "db-0", "cluster": "east"}),
        ("cluster.local", {}),
        ("web.shop.cluster.local", {"parse-error": "invalid query name"}),
        ("a.b.c.d.e.svc.cluster.local", {"parse-error": "invalid query name"}),
        ("www.example.org", {}),
    ],
)  # fmt: skip
async def test_the_parts_of_a_name_are_told(monkeypatch: pytest.MonkeyPatch, name: str, parts: dict[str, str]) -> None:
    cluster = await running(monkeypatch, OBJECTS, "zonal\nmulticluster set.local", zones="cluster.local set.local")
    assert await told(cluster, name) == parts


async def test_the_pod_that_asks_is_told_with_its_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, OBJECTS, "pods verified", more="metadata")
    assert await told(cluster, "cluster.local", "10.244.1.11") == {
        "client-namespace": "shop", "client-pod-name": "web-1", "client-label/app": "web", "client-label/tier": "front"
    }  # fmt: skip
    for address in ("192.0.2.10", "10.9.9.9", "nonsense"):
        assert await told(cluster, "cluster.local", address) == {}


async def test_labels_of_pods_are_only_kept_where_somebody_wants_them(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, OBJECTS, "pods verified")
    (pod,) = cluster.part.index.pods(bytes((10, 244, 1, 11)))
    assert pod.labels == ()
