"""kubernetes: what was worked out once is given again, and is the same answer."""

from __future__ import annotations

import pytest

from resolver.kube.objects import Endpoint
from resolver.plugins.kubernetes.known import Known
from tests.plugins.kubernetes.cluster import running

OBJECTS = """
kind: Namespace
metadata: {name: shop}
---
kind: Service
metadata: {name: db, namespace: shop}
spec: {clusterIP: None, ports: [{name: pg, port: 5432}]}
---
kind: EndpointSlice
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
endpoints:
- {addresses: [10.244.2.1], hostname: db-0}
- {addresses: [10.244.2.2]}
ports: [{name: pg, port: 5432, protocol: TCP}]
"""
MOVED = """
kind: EndpointSlice
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
addressType: IPv4
endpoints:
- {addresses: [10.244.2.9], hostname: db-0}
ports: [{name: pg, port: 5432, protocol: TCP}]
"""
NAMES = [
    "db-0.db.shop.svc.cluster.local", "DB-0.db.shop.svc.cluster.local", "10-244-2-2.db.shop.svc.cluster.local",
    "10-244-2-1.db.shop.svc.cluster.local", "db-1.db.shop.svc.cluster.local", "_pg._tcp.db.shop.svc.cluster.local",
    "db.shop.svc.cluster.local", "shop.svc.cluster.local", "svc.cluster.local",
]  # fmt: skip


@pytest.mark.parametrize("qtype", ["A", "AAAA", "SRV"])
async def test_every_time_the_answer_is_the_same(monkeypatch: pytest.MonkeyPatch, qtype: str) -> None:
    cluster = await running(monkeypatch, OBJECTS)
    first = [await cluster.ask(name, qtype) for name in NAMES]
    for _ in range(3):
        assert [await cluster.ask(name, qtype) for name in NAMES] == first


async def test_an_endpoint_that_moves_is_found_at_its_new_address(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, OBJECTS)
    for _ in range(3):
        await cluster.ask(NAMES[0])
    cluster.apply(MOVED)
    assert (await cluster.ask(NAMES[0])).answer == ["db-0.db.shop.svc.cluster.local. 5 IN A 10.244.2.9"]
    assert (await cluster.ask(NAMES[2])).rcode == "NXDOMAIN"


def test_endpoints_are_put_into_a_dictionary_when_that_has_paid() -> None:
    known = Known(())
    endpoints = [Endpoint(bytes((10, 0, 0, number)), b"", b"", "") for number in range(20)]
    asked: list[Endpoint] = []

    def label_of(endpoint: Endpoint) -> bytes:
        asked.append(endpoint)
        return b"e%d" % endpoint.address[3]

    counts = []
    for _ in range(4):
        known.searched(endpoints, len(endpoints), label_of)
        counts.append(len(asked))
    assert counts == [0, 0, 20, 20]
    body = known.host(b"e7", 1, 5)
    assert body is not None
    assert body.data.endswith(bytes((10, 0, 0, 7)))
    assert known.host(b"e7", 28, 5) is None
    assert known.host(b"e99", 1, 5) is None
