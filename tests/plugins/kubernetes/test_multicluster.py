"""kubernetes: ServiceImports of the Multi-Cluster Services API."""

from __future__ import annotations

import pytest

from resolver.kube.kinds import SERVICE_IMPORTS
from tests.plugins.kubernetes.cluster import Cluster, running

OBJECTS = """
kind: Namespace
metadata: {name: shop}
---
kind: Service
metadata: {name: local, namespace: shop}
spec: {clusterIP: 10.96.1.1, ports: [{port: 80}]}
---
kind: ServiceImport
metadata: {name: web, namespace: shop}
spec: {type: ClusterSetIP, ips: [10.100.0.1, "fd00:100::1"], ports: [{name: http, port: 80, protocol: TCP}]}
---
kind: ServiceImport
metadata: {name: db, namespace: shop}
spec: {type: Headless, ports: [{name: pg, port: 5432, protocol: TCP}]}
---
kind: EndpointSlice
metadata:
  name: db-east
  namespace: shop
  labels: {multicluster.kubernetes.io/service-name: db, multicluster.kubernetes.io/source-cluster: east}
endpoints: [{addresses: [10.1.0.1], hostname: db-0}, {addresses: [10.1.0.2]}]
ports: [{name: pg, port: 5432, protocol: TCP}]
---
kind: EndpointSlice
metadata:
  name: db-west
  namespace: shop
  labels: {multicluster.kubernetes.io/service-name: db, multicluster.kubernetes.io/source-cluster: west}
endpoints: [{addresses: [10.2.0.1], hostname: db-0}]
ports: [{name: pg, port: 5432, protocol: TCP}]
"""
ZONES = "cluster.local set.local"


async def clusterset(monkeypatch: pytest.MonkeyPatch, options: str = "") -> Cluster:
    return await running(monkeypatch, OBJECTS, f"multicluster set.local\n{options}", zones=ZONES)


async def test_an_import_has_its_addresses_and_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await clusterset(monkeypatch)
    assert await cluster.addresses("web.shop.svc.set.local") == ["10.100.0.1"]
    assert await cluster.addresses("web.shop.svc.set.local", "AAAA") == ["fd00:100::1"]
    found = await cluster.ask("_http._tcp.web.shop.svc.set.local", "SRV")
    assert found.answer == ["_http._tcp.web.shop.svc.set.local. 5 IN SRV 0 50 80 web.shop.svc.set.local."]


async def test_a_headless_import_has_the_endpoints_of_all_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await clusterset(monkeypatch)
    assert await cluster.addresses("db.shop.svc.set.local") == ["10.1.0.1", "10.1.0.2", "10.2.0.1"]
    found = await cluster.ask("_pg._tcp.db.shop.svc.set.local", "SRV")
    assert [line.split()[-1] for line in found.answer] == [
        "db-0.east.db.shop.svc.set.local.",
        "10-1-0-2.east.db.shop.svc.set.local.",
        "db-0.west.db.shop.svc.set.local.",
    ]


async def test_an_endpoint_of_an_unnamed_cluster_has_the_name_that_srv_records_give_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = await clusterset(monkeypatch)
    cluster.apply("""
kind: EndpointSlice
metadata: {name: db-lost, namespace: shop, labels: {multicluster.kubernetes.io/service-name: db}}
endpoints: [{addresses: [10.3.0.1], hostname: lost}]
ports: [{name: pg, port: 5432, protocol: TCP}]
""")
    targets = [line.split()[-1] for line in (await cluster.ask("_pg._tcp.db.shop.svc.set.local", "SRV")).answer]
    assert "lost.db.shop.svc.set.local." in targets
    assert await cluster.addresses("lost.db.shop.svc.set.local") == ["10.3.0.1"]
    assert await cluster.rcode("db-0.db.shop.svc.set.local") == "NXDOMAIN"


async def test_endpoints_are_named_with_their_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await clusterset(monkeypatch)
    assert await cluster.addresses("db-0.east.db.shop.svc.set.local") == ["10.1.0.1"]
    assert await cluster.addresses("db-0.West.db.shop.svc.set.local") == ["10.2.0.1"]
    for name in ("db-0", "db-0.north", "db-1.west", "x.db-0.west"):
        assert await cluster.rcode(f"{name}.db.shop.svc.set.local") == "NXDOMAIN"


async def test_services_and_imports_do_not_mix(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await clusterset(monkeypatch)
    assert await cluster.rcode("local.shop.svc.set.local") == "NXDOMAIN"
    assert await cluster.rcode("web.shop.svc.cluster.local") == "NXDOMAIN"
    assert await cluster.rcode("shop.svc.set.local") == "NOERROR"


async def test_changes_of_imports_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await clusterset(monkeypatch)
    cluster.part.index.import_serial = 5
    for name in ("web.shop.svc.set.local", "new.shop.svc.set.local", "db.shop.svc.set.local"):
        await cluster.ask(name)
    cluster.apply("{kind: ServiceImport, metadata: {name: new, namespace: shop}, spec: {ips: [10.100.0.2]}}")
    cluster.delete("EndpointSlice", "shop/db-east")
    index = cluster.part.index
    assert {index.import_tag(key) for key in (b"\3new\4shop", b"\2db\4shop")} <= cluster.withdrawn()
    assert await cluster.addresses("new.shop.svc.set.local") == ["10.100.0.2"]
    assert await cluster.addresses("db.shop.svc.set.local") == ["10.2.0.1"]
    assert int((await cluster.ask("set.local", "SOA")).answer[0].split()[6]) > 5


async def test_imports_without_endpoints_may_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await clusterset(monkeypatch, "ignore empty_service")
    assert await cluster.rcode("web.shop.svc.set.local") == "NXDOMAIN"
    assert await cluster.rcode("db.shop.svc.set.local") == "NOERROR"


async def test_without_endpoints_only_slices_of_imports_are_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await clusterset(monkeypatch, "noendpoints\nlabels app=x")
    labels = next(given.labels for given, _, _ in cluster.pool.given if given.kind.plural == "endpointslices")
    assert labels == "app=x,multicluster.kubernetes.io/service-name"
    assert await cluster.addresses("db-0.east.db.shop.svc.set.local") == ["10.1.0.1"]


async def test_what_the_imports_need_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    options = "multicluster set.local"
    cluster = await running(monkeypatch, OBJECTS, options, zones=ZONES, unlisted=(SERVICE_IMPORTS,))
    assert await cluster.rcode("web.shop.svc.set.local") == "SERVFAIL"
    assert await cluster.rcode("local.shop.svc.cluster.local") == "NOERROR"
    cluster.pool.list(SERVICE_IMPORTS)
    assert await cluster.rcode("web.shop.svc.set.local") == "NOERROR"
