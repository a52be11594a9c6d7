"""kubernetes: the zone as the directive transfer hands it on."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.chain.capabilities import Transferring
from resolver.kube import kinds
from resolver.wire.constants import TYPES
from resolver.wire.names import from_text, to_text
from resolver.wire.records import Record
from tests.plugins.chains import question
from tests.plugins.kubernetes.cluster import Cluster, running

SHOP = (Path(__file__).parent / "shop.yaml").read_text(encoding="utf-8")

OUTSIDE = """
apiVersion: v1
kind: Service
metadata: {name: outside, namespace: shop}
spec: {type: ExternalName, externalName: api.example.com}
"""


@pytest.fixture
async def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return await running(monkeypatch, SHOP)


def records(cluster: Cluster, zone: str = "cluster.local") -> list[Record]:
    found = cluster.part.transferable(question(zone, "AXFR", local=("192.0.2.53", 53)))
    assert found is not None
    return [found.soa, *found.others()]


def shown(record: Record) -> tuple[str, str]:
    return to_text(record.owner), TYPES[record.type]


async def test_what_is_transferred_is_what_queries_are_answered_with(cluster: Cluster) -> None:
    found = records(cluster)
    for owner, qtype in sorted({shown(record) for record in found}):
        answer = await cluster.ask(owner, qtype, local=("192.0.2.53", 53))
        assert answer.rcode == "NOERROR"
        count = sum(shown(record) == (owner, qtype) for record in found)
        assert len([line for line in answer.answer if line.split()[3] == qtype]) == count, (owner, qtype)
    assert len(found) == len(set(found))


async def test_all_kinds_of_names_are_there(cluster: Cluster) -> None:
    cluster.apply(OUTSIDE)
    found = {shown(record) for record in records(cluster)}
    assert {
        ("cluster.local.", "SOA"),
        ("cluster.local.", "NS"),
        ("ns.dns.cluster.local.", "A"),
        ("dns-version.cluster.local.", "TXT"),
        ("web.shop.svc.cluster.local.", "A"),
        ("web.shop.svc.cluster.local.", "AAAA"),
        ("web.shop.svc.cluster.local.", "SRV"),
        ("_http._tcp.web.shop.svc.cluster.local.", "SRV"),
        ("outside.shop.svc.cluster.local.", "CNAME"),
    } <= found


async def test_the_part_offers_its_zones(cluster: Cluster) -> None:
    assert isinstance(cluster.part, Transferring)
    for name in ("svc.cluster.local", "local", "in-addr.arpa", "ip6.arpa"):
        assert cluster.part.transferable(question(name, "AXFR")) is None


async def test_a_cluster_that_is_not_known_is_not_transferred(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, unlisted=[kinds.SERVICES])
    assert cluster.part.transferable(question("cluster.local", "AXFR")) is None


async def test_a_service_that_goes_during_the_transfer_is_left_out(cluster: Cluster) -> None:
    found = cluster.part.transferable(question("cluster.local", "AXFR"))
    assert found is not None
    others = found.others()
    next(others)
    cluster.delete("Service", "shop/web")
    assert from_text("web.shop.svc.cluster.local") not in {record.owner for record in others}
