"""kubernetes: names for the endpoints of one topology zone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.plugins.kubernetes.cluster import Cluster, running

SHOP = (Path(__file__).parent / "shop.yaml").read_text(encoding="utf-8")


@pytest.fixture
async def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return await running(monkeypatch, SHOP, "zonal\nmulticluster set.local", zones="cluster.local set.local")


async def test_pin_is_that_zone_and_nothing_else(cluster: Cluster) -> None:
    assert await cluster.addresses("zone-a.pin._zone.db.shop.svc.cluster.local") == ["10.244.2.1"]
    assert await cluster.addresses("Zone-A.PIN._Zone.db.shop.svc.cluster.local", "AAAA") == ["fd00:10:244::1"]
    assert await cluster.addresses("zone.b.pin._zone.db.shop.svc.cluster.local") == ["10.244.2.2"]
    assert await cluster.addresses("zone-c.pin._zone.db.shop.svc.cluster.local") == []


async def test_prefer_widens_to_all_where_the_zone_is_empty(cluster: Cluster) -> None:
    assert await cluster.addresses("zone-a.prefer._zone.db.shop.svc.cluster.local") == ["10.244.2.1"]
    both = ["10.244.2.1", "10.244.2.2"]
    assert await cluster.addresses("zone-c.prefer._zone.db.shop.svc.cluster.local") == both


async def test_srv_is_filtered_too(cluster: Cluster) -> None:
    found = await cluster.ask("zone.b.pin._zone.db.shop.svc.cluster.local", "SRV")
    assert [line.split()[4:] for line in found.answer] == [
        ["0", "100", "5432", "10-244-2-2.db.shop.svc.cluster.local."]
    ]
    assert found.additional == ["10-244-2-2.db.shop.svc.cluster.local. 5 IN A 10.244.2.2"]


async def test_other_types_are_empty(cluster: Cluster) -> None:
    for qtype in ("TXT", "MX", "HTTPS"):
        found = await cluster.ask("zone-a.pin._zone.db.shop.svc.cluster.local", qtype)
        assert (found.rcode, found.answer) == ("NOERROR", [])


@pytest.mark.parametrize(
    "name",
    ["zone-a.pin._zone.web.shop.svc.cluster.local", "zone-a.pin._zone.nope.shop.svc.cluster.local",
     "zone-a.near._zone.db.shop.svc.cluster.local", "zone-a.pin.zone.db.shop.svc.cluster.local",
     "pin._zone.db.shop.svc.cluster.local", "zone-a.pin._zone.db.nowhere.svc.cluster.local",
     "zone-a.pin._zone.db.shop.svc.set.local"],
)  # fmt: skip
async def test_other_names_of_that_shape_do_not_exist(cluster: Cluster, name: str) -> None:
    assert await cluster.rcode(name) == "NXDOMAIN"


async def test_without_the_option_there_are_no_such_names(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP)
    assert await cluster.rcode("zone-a.pin._zone.db.shop.svc.cluster.local") == "NXDOMAIN"


async def test_an_endpoint_that_moves_to_another_zone_is_seen(cluster: Cluster) -> None:
    name = "zone-b.pin._zone.db.shop.svc.cluster.local"
    reply = await cluster.reply(name)
    cluster.apply("""
kind: EndpointSlice
metadata: {name: db-1, namespace: shop, labels: {kubernetes.io/service-name: db}}
endpoints: [{addresses: [10.244.2.1], hostname: db-0, zone: zone-b}]
""")
    assert reply.replay is not None
    assert set(reply.replay.tags) & cluster.withdrawn()
    assert await cluster.addresses(name) == ["10.244.2.1"]
