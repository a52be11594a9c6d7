"""kubernetes: PTR records."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.plugins.kubernetes.cluster import Cluster, running

SHOP = (Path(__file__).parent / "shop.yaml").read_text(encoding="utf-8")
WEB_V6 = ip_address("fd00:10:96::1").reverse_pointer


async def pointers(cluster: Cluster, name: str) -> list[str]:
    return [line.split()[-1] for line in (await cluster.ask(name, "PTR")).answer]


async def test_a_cluster_ip_points_to_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP)
    assert await pointers(cluster, "1.1.96.10.in-addr.arpa") == ["web.shop.svc.cluster.local."]
    assert await pointers(cluster, WEB_V6) == ["web.shop.svc.cluster.local."]
    assert await pointers(cluster, WEB_V6.upper()) == ["web.shop.svc.cluster.local."]


async def test_an_endpoint_s_address_points_to_its_name_in_every_service(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP)
    assert await pointers(cluster, "1.2.244.10.in-addr.arpa") == ["db-0.db.shop.svc.cluster.local."]
    cluster.apply("""
kind: EndpointSlice
metadata: {name: web-2, namespace: shop, labels: {kubernetes.io/service-name: web}}
endpoints: [{addresses: [10.244.2.1]}]
""")
    assert await pointers(cluster, "1.2.244.10.in-addr.arpa") == [
        "db-0.db.shop.svc.cluster.local.",
        "10-244-2-1.web.shop.svc.cluster.local.",
    ]


async def test_names_point_into_the_first_zone_that_is_not_a_reverse_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, zones="in-addr.arpa corp.test cluster.local")
    assert await pointers(cluster, "1.1.96.10.in-addr.arpa") == ["web.shop.svc.corp.test."]


async def test_a_network_of_any_size_may_be_served(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, zones="cluster.local 10.96.0.0/15 10.244.2.0/25 fd00:10:96::/47")
    assert await pointers(cluster, "1.1.96.10.in-addr.arpa") == ["web.shop.svc.cluster.local."]
    assert await pointers(cluster, "1.2.244.10.in-addr.arpa") == ["db-0.db.shop.svc.cluster.local."]
    assert await pointers(cluster, WEB_V6) == ["web.shop.svc.cluster.local."]
    found = await cluster.ask("9.9.97.10.in-addr.arpa", "PTR")
    assert (found.rcode, found.authority[0].split()[0]) == ("NXDOMAIN", "97.10.in-addr.arpa.")
    assert (await cluster.reply("1.1.98.10.in-addr.arpa", "PTR")).rcode == 11


async def test_reverse_zones_below_the_root_are_reverse_zones_too(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, zones=".")
    assert await pointers(cluster, "1.1.96.10.in-addr.arpa") == ["web.shop.svc."]


async def test_namespaces_that_are_not_exposed_have_no_pointers(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP)
    cluster.delete("Namespace", "shop")
    for name in ("1.1.96.10.in-addr.arpa", "1.2.244.10.in-addr.arpa"):
        assert await cluster.rcode(name, "PTR") == "NXDOMAIN"


async def test_endpoints_that_are_not_ready_have_no_pointers(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP)
    assert await cluster.rcode("3.2.244.10.in-addr.arpa", "PTR") == "NXDOMAIN"
