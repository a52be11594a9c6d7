"""kubernetes: Services with a cluster IP and headless ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.wire.constants import AA
from tests.plugins.chains import question
from tests.plugins.kubernetes.cluster import Cluster, running

SHOP = (Path(__file__).parent / "shop.yaml").read_text(encoding="utf-8")


@pytest.fixture
async def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return await running(monkeypatch, SHOP)


async def test_a_service_has_its_cluster_ips(cluster: Cluster) -> None:
    assert (await cluster.ask("web.shop.svc.cluster.local")).answer == ["web.shop.svc.cluster.local. 5 IN A 10.96.1.1"]
    found = await cluster.ask("web.shop.svc.cluster.local", "AAAA")
    assert found.answer == ["web.shop.svc.cluster.local. 5 IN AAAA fd00:10:96::1"]


async def test_answers_are_authoritative_and_named(cluster: Cluster) -> None:
    for _ in range(2):  # worked out, then known
        reply = await cluster.reply("web.shop.svc.cluster.local")
        assert (reply.flags, reply.source, reply.replay is not None and reply.replay.live) == (AA, "kubernetes", True)


async def test_the_client_s_spelling_is_repeated(cluster: Cluster) -> None:
    for _ in range(2):
        found = await cluster.ask("Web.SHOP.svc.Cluster.local")
        assert found.answer == ["Web.SHOP.svc.Cluster.local. 5 IN A 10.96.1.1"]
    assert (
        (await cluster.ask("nope.shop.svc.CLUSTER.local")).authority[0].startswith("CLUSTER.local. 5 IN SOA ns.dns.CL")
    )


async def test_a_named_port_has_srv_with_both_addresses(cluster: Cluster) -> None:
    found = await cluster.ask("_http._tcp.web.shop.svc.cluster.local", "SRV")
    assert found.answer == ["_http._tcp.web.shop.svc.cluster.local. 5 IN SRV 0 50 80 web.shop.svc.cluster.local."]
    assert found.additional == [
        "web.shop.svc.cluster.local. 5 IN A 10.96.1.1",
        "web.shop.svc.cluster.local. 5 IN AAAA fd00:10:96::1",
    ]


async def test_srv_of_the_service_lists_all_ports(cluster: Cluster) -> None:
    found = await cluster.ask("web.shop.svc.cluster.local", "SRV")
    assert [line.split()[4:7] for line in found.answer] == [["0", "25", "80"], ["0", "25", "443"]]
    assert len((await cluster.ask("plain.shop.svc.cluster.local", "SRV")).answer) == 1


async def test_a_service_without_ports_has_addresses_only(cluster: Cluster) -> None:
    assert await cluster.addresses("bare.shop.svc.cluster.local") == ["10.96.1.3"]
    found = await cluster.ask("bare.shop.svc.cluster.local", "SRV")
    assert (found.rcode, found.answer) == ("NOERROR", [])
    assert await cluster.rcode("_x._tcp.bare.shop.svc.cluster.local", "SRV") == "NXDOMAIN"


async def test_the_port_s_name_and_protocol_must_fit(cluster: Cluster) -> None:
    for name in ("_http._udp", "_nope._tcp", "_._sctp"):
        assert await cluster.rcode(f"{name}.web.shop.svc.cluster.local", "SRV") == "NXDOMAIN"
    assert await cluster.addresses("_quic._udp.web.shop.svc.cluster.local") == ["10.96.1.1"]


async def test_a_headless_service_has_its_ready_endpoints_of_all_slices(cluster: Cluster) -> None:
    assert await cluster.addresses("db.shop.svc.cluster.local") == ["10.244.2.1", "10.244.2.2"]
    assert await cluster.addresses("db.shop.svc.cluster.local", "AAAA") == ["fd00:10:244::1"]


async def test_an_address_in_two_slices_is_one_record(cluster: Cluster) -> None:
    cluster.apply("""
kind: EndpointSlice
metadata: {name: db-3, namespace: shop, labels: {kubernetes.io/service-name: db}}
endpoints: [{addresses: [10.244.2.1], hostname: db-0}]
ports: [{name: pg, port: 5432, protocol: TCP}]
""")
    assert await cluster.addresses("db.shop.svc.cluster.local") == ["10.244.2.1", "10.244.2.2"]
    cluster.delete("EndpointSlice", "shop/db-3")
    assert await cluster.addresses("db.shop.svc.cluster.local") == ["10.244.2.1", "10.244.2.2"]
    assert len((await cluster.ask("1.2.244.10.in-addr.arpa", "PTR")).answer) == 1


async def test_srv_of_a_headless_service_names_its_endpoints(cluster: Cluster) -> None:
    found = await cluster.ask("_pg._tcp.db.shop.svc.cluster.local", "SRV")
    targets = {line.split()[-1] for line in found.answer}
    assert targets == {"db-0.db.shop.svc.cluster.local.", "10-244-2-2.db.shop.svc.cluster.local."}
    assert "db-0.db.shop.svc.cluster.local. 5 IN AAAA fd00:10:244::1" in found.additional


async def test_endpoints_have_names(cluster: Cluster) -> None:
    assert await cluster.addresses("db-0.db.shop.svc.cluster.local") == ["10.244.2.1"]
    assert await cluster.addresses("10-244-2-2.db.shop.svc.cluster.local") == ["10.244.2.2"]
    assert await cluster.addresses("10-244-1-11.web.shop.svc.cluster.local") == ["10.244.1.11"]
    found = await cluster.ask("db-0.db.shop.svc.cluster.local", "SRV")
    assert {line.split()[-1] for line in found.answer} == {"db-0.db.shop.svc.cluster.local."}
    hidden = ("db-3", "10-244-2-1", "10-244-2-3", "db-extra")  # not ready, has a host name, not ready, name of a Pod
    for name in hidden:
        assert await cluster.rcode(f"{name}.db.shop.svc.cluster.local") == "NXDOMAIN"


async def test_endpoints_may_be_named_after_their_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "endpoint_pod_names")
    assert await cluster.addresses("db-extra.db.shop.svc.cluster.local") == ["10.244.2.2"]
    assert await cluster.addresses("db-0.db.shop.svc.cluster.local") == ["10.244.2.1"]
    assert await cluster.rcode("10-244-2-2.db.shop.svc.cluster.local") == "NXDOMAIN"
    found = await cluster.ask("2.2.244.10.in-addr.arpa", "PTR")
    assert found.answer == ["2.2.244.10.in-addr.arpa. 5 IN PTR db-extra.db.shop.svc.cluster.local."]


async def test_an_endpoint_keeps_its_address_where_its_pod_s_name_is_no_label(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "endpoint_pod_names")
    for pod in ("x" * 64, "a.b"):
        cluster.apply(f"""
kind: EndpointSlice
metadata: {{name: db-1, namespace: shop, labels: {{kubernetes.io/service-name: db}}}}
endpoints: [{{addresses: [10.244.2.2], targetRef: {{kind: Pod, name: {pod}}}}}]
""")
        assert await cluster.addresses("10-244-2-2.db.shop.svc.cluster.local") == ["10.244.2.2"]


async def test_an_ipv6_label_never_ends_in_a_dash(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP)
    cluster.apply("""
kind: EndpointSlice
metadata: {name: db-2, namespace: shop, labels: {kubernetes.io/service-name: db}}
endpoints: [{addresses: ["fd00::"]}]
""")
    assert await cluster.addresses("fd00--0.db.shop.svc.cluster.local", "AAAA") == ["fd00::"]
    assert await cluster.rcode("fd00--.db.shop.svc.cluster.local", "AAAA") == "NXDOMAIN"


async def test_without_endpoints_headless_services_do_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "noendpoints")
    assert await cluster.addresses("web.shop.svc.cluster.local") == ["10.96.1.1"]
    for name in ("db", "db-0.db", "10-244-1-11.web"):
        assert await cluster.rcode(f"{name}.shop.svc.cluster.local") == "NXDOMAIN"
    assert {wanted.kind.plural for wanted, _, _ in cluster.pool.given} == {"services", "namespaces"}


async def test_services_without_ready_endpoints_may_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "ignore empty_service")
    assert await cluster.rcode("web.shop.svc.cluster.local") == "NOERROR"
    assert await cluster.rcode("plain.shop.svc.cluster.local") == "NXDOMAIN"
    cluster.apply("""
kind: EndpointSlice
metadata: {name: plain-1, namespace: shop, labels: {kubernetes.io/service-name: plain}}
endpoints: [{addresses: [10.244.1.21]}]
""")
    assert await cluster.addresses("plain.shop.svc.cluster.local") == ["10.96.1.2"]


async def test_several_zones_are_served_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, zones="cluster.local sub.cluster.local .")
    for zone in ("cluster.local", "sub.cluster.local"):
        assert await cluster.addresses(f"web.shop.svc.{zone}") == ["10.96.1.1"]
    assert await cluster.addresses("web.shop.svc") == ["10.96.1.1"]
    assert (await cluster.ask("no.where")).authority[0].startswith(". 5 IN SOA ns.dns. hostmaster. ")


async def test_a_zone_within_the_services_of_another_is_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, zones="cluster.local shop.svc.cluster.local")
    assert await cluster.rcode("web.shop.svc.cluster.local") == "NXDOMAIN"
    assert await cluster.addresses("web.shop.svc.shop.svc.cluster.local") == ["10.96.1.1"]
    assert await cluster.rcode("web.shop.svc.cluster.local") == "NXDOMAIN"


async def test_records_that_do_not_fit_a_message_are_not_built(cluster: Cluster) -> None:
    addresses = [f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(5000)]
    for number in range(5):
        ends = "".join(f"  - addresses: [{one}]\n" for one in addresses[number * 1000 : number * 1000 + 1000])
        labels = "{kubernetes.io/service-name: db}"
        cluster.apply(
            f"kind: EndpointSlice\nmetadata: {{name: big-{number}, namespace: shop, labels: {labels}}}\n"
            f"endpoints:\n{ends}ports: [{{name: pg, port: 5432, protocol: TCP}}]\n"
        )
    reply = await cluster.reply("db.shop.svc.cluster.local")
    assert len(reply.body.data) <= 65535
    assert reply.body.answers * 16 == len(reply.body.data)
    assert 1000 < len((await cluster.reply("db.shop.svc.cluster.local", "SRV")).sections.answer) <= 1500


async def test_an_answer_that_was_kept_has_the_same_octets(cluster: Cluster) -> None:
    for qtype in ("A", "AAAA", "HTTPS", "TXT"):
        query = question("plain.shop.svc.cluster.local", qtype)
        first, second = [await cluster.part.resolve(query, None) for _ in range(2)]  # type: ignore[arg-type]
        assert (first.rcode, first.flags, first.body) == (second.rcode, second.flags, second.body)
        assert first.replay is not None
        assert second.replay is not None
        assert first.replay.tags == second.replay.tags
