"""kubernetes: which names exist, and how the others are denied."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.wire.constants import REFUSED
from tests.plugins.chains import question
from tests.plugins.kubernetes.cluster import Cluster, running, soa

SHOP = (Path(__file__).parent / "shop.yaml").read_text(encoding="utf-8")
PASSED_ON = 11


@pytest.fixture
async def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    cluster = await running(monkeypatch, SHOP)
    cluster.part.index.serial = 7
    return cluster


@pytest.mark.parametrize(
    "name",
    ["cluster.local", "svc.cluster.local", "pod.cluster.local", "shop.svc.cluster.local", "empty.svc.cluster.local",
     "dns.cluster.local", "dns-version.cluster.local", "ns.dns.cluster.local", "_tcp.web.shop.svc.cluster.local",
     "_tcp.db.shop.svc.cluster.local", "web.shop.svc.cluster.local", "_http._tcp.web.shop.svc.cluster.local",
     "1.1.96.10.in-addr.arpa", "96.10.in-addr.arpa", "0.d.f.ip6.arpa"],
)  # fmt: skip
async def test_names_without_such_records_are_empty(cluster: Cluster, name: str) -> None:
    for qtype in ("MX", "HTTPS", "ANY"):
        found = await cluster.ask(name, qtype)
        assert (found.rcode, found.answer, len(found.authority)) == ("NOERROR", [], 1)


@pytest.mark.parametrize(
    "name",
    ["nope.cluster.local", "web.shop.cluster.local", "x.dns.cluster.local", "x.dns-version.cluster.local",
     "nowhere.svc.cluster.local", "web.nowhere.svc.cluster.local", "nope.shop.svc.cluster.local",
     "web.empty.svc.cluster.local", "_sctp.web.shop.svc.cluster.local", "_tcp.plain.shop.svc.cluster.local",
     "x.y.z.web.shop.svc.cluster.local", "*.shop.svc.cluster.local",
     "*.web.shop.svc.cluster.local", "web.*.svc.cluster.local", "lonely.shop.svc.cluster.local",
     "shop.pod.cluster.local", "10-244-1-11.shop.pod.cluster.local", "api.example.com.shop.svc.cluster.local",
     "9.9.96.10.in-addr.arpa", "x.1.96.10.in-addr.arpa", "256.1.96.10.in-addr.arpa", "01.1.96.10.in-addr.arpa",
     "1.1.1.96.10.in-addr.arpa", "g.ip6.arpa", "10.ip6.arpa"],
)  # fmt: skip
async def test_other_names_do_not_exist(cluster: Cluster, name: str) -> None:
    for qtype in ("A", "AAAA", "TXT", "SOA", "SRV", "PTR", "HTTPS"):
        found = await cluster.ask(name, qtype)
        assert (found.rcode, found.answer, len(found.authority)) == ("NXDOMAIN", [], 1)


async def test_denials_carry_the_zone_s_soa(cluster: Cluster) -> None:
    assert (await cluster.ask("nope.shop.svc.cluster.local")).authority == [soa(serial=7)]
    assert (await cluster.ask("nope.ip6.arpa")).authority == [soa("ip6.arpa.", serial=7)]
    assert (await cluster.ask("web.shop.svc.cluster.local", "MX")).authority == [soa(serial=7)]


async def test_the_soa_of_the_zone(cluster: Cluster) -> None:
    found = await cluster.ask("cluster.local", "SOA")
    assert (found.answer, found.authority) == ([soa(serial=7)], [])


async def test_the_ttl_is_that_of_all_records(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "ttl 3600")
    cluster.part.index.serial = 9
    assert (await cluster.ask("web.shop.svc.cluster.local")).answer[0].split()[1] == "3600"
    found = await cluster.ask("nope.cluster.local")
    assert found.authority == [soa(ttl=3600, serial=9).replace(" 3600 IN", " 300 IN")]


async def test_the_version_of_the_specification(cluster: Cluster) -> None:
    assert (await cluster.ask("dns-version.cluster.local", "TXT")).answer == [
        'dns-version.cluster.local. 28800 IN TXT "1.1.0"'
    ]


async def test_zones_are_not_transferred(cluster: Cluster) -> None:
    for qtype in ("AXFR", "IXFR"):
        assert (await cluster.reply("cluster.local", qtype)).rcode == REFUSED


async def test_names_outside_of_the_zones_go_on(cluster: Cluster) -> None:
    for name in ("www.example.org", "xcluster.local", "local", "."):
        assert (await cluster.reply(name)).rcode == PASSED_ON


async def test_fallthrough_passes_on_what_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "fallthrough in-addr.arpa pod.cluster.local")
    assert (await cluster.reply("9.9.9.9.in-addr.arpa", "PTR")).rcode == PASSED_ON
    assert (await cluster.reply("1-2-3-4.shop.pod.cluster.local")).rcode == PASSED_ON
    assert (await cluster.ask("1.1.96.10.in-addr.arpa", "PTR")).rcode == "NOERROR"
    assert await cluster.rcode("1.0.0.0.ip6.arpa.cluster.local") == "NXDOMAIN"
    assert await cluster.rcode("nope.shop.svc.cluster.local") == "NXDOMAIN"


async def test_networks_of_zones_with_fallthrough_are_left_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "fallthrough in-addr.arpa")
    assert (await cluster.reply("8.8.in-addr.arpa", "NS")).rcode == PASSED_ON
    assert await cluster.rcode("8.b.d.0.1.0.0.2.ip6.arpa", "NS") == "NOERROR"


async def test_only_listed_namespaces_are_exposed(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "namespaces empty missing")
    assert await cluster.rcode("empty.svc.cluster.local") == "NOERROR"
    for name in ("missing", "shop", "web.shop"):
        assert await cluster.rcode(f"{name}.svc.cluster.local") == "NXDOMAIN"
    assert await cluster.rcode("1.1.96.10.in-addr.arpa", "PTR") == "NXDOMAIN"


async def test_selectors_are_left_to_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    options = "labels env in (b,a),!x\nnamespace_labels tier=app\npods verified\nmulticluster other.local"
    cluster = await running(monkeypatch, SHOP, options, zones="cluster.local other.local")
    wanted = {given.kind.plural: given.labels for given, _, _ in cluster.pool.given}
    labels = "env in (a,b),!x"
    assert wanted == {
        "namespaces": "tier=app", "services": labels, "endpointslices": labels, "pods": labels, "serviceimports": labels
    }  # fmt: skip


async def test_odd_labels_are_only_names_that_do_not_exist(cluster: Cluster) -> None:
    for name in ("\\003web.shop.svc.cluster.local", "a\\000b.shop.svc.cluster.local", "\\255.svc.cluster.local"):
        assert await cluster.rcode(name) == "NXDOMAIN"


async def test_a_label_that_looks_like_several_is_one(cluster: Cluster) -> None:
    assert await cluster.rcode("\\003web\\004shop\\003svc.cluster.local") == "NXDOMAIN"
    assert await cluster.rcode("x\\004shop.svc.cluster.local") == "NXDOMAIN"


async def test_name_servers_are_the_services_of_the_address_that_was_asked(cluster: Cluster) -> None:
    local = ("10.244.1.11", 53)
    found = await cluster.ask("cluster.local", "NS", local=local)
    assert found.answer == ["cluster.local. 5 IN NS web.shop.svc.cluster.local."]
    assert found.additional == [
        "web.shop.svc.cluster.local. 5 IN A 10.96.1.1",
        "web.shop.svc.cluster.local. 5 IN AAAA fd00:10:96::1",
    ]
    assert (await cluster.ask("ns.dns.cluster.local", local=local)).answer == ["ns.dns.cluster.local. 5 IN A 10.96.1.1"]


async def test_the_name_servers_of_a_headless_service_are_its_endpoints(cluster: Cluster) -> None:
    found = await cluster.ask("cluster.local", "NS", local=("10.244.2.1", 53))
    assert found.answer == [
        "cluster.local. 5 IN NS db-0.db.shop.svc.cluster.local.",
        "cluster.local. 5 IN NS 10-244-2-2.db.shop.svc.cluster.local.",
    ]


async def test_outside_of_the_cluster_the_name_server_has_the_address_that_was_asked(cluster: Cluster) -> None:
    found = await cluster.ask("cluster.local", "NS", local=("192.0.2.53", 53))
    assert found.answer == ["cluster.local. 5 IN NS ns.dns.cluster.local."]
    assert found.additional == ["ns.dns.cluster.local. 5 IN A 192.0.2.53"]
    found = await cluster.ask("ns.dns.cluster.local", "AAAA", local=("2001:db8::53", 53))
    assert found.answer == ["ns.dns.cluster.local. 5 IN AAAA 2001:db8::53"]


async def test_reverse_zones_have_a_name_server_too(cluster: Cluster) -> None:
    local = ("192.0.2.53", 53)
    found = await cluster.ask("in-addr.arpa", "NS", local=local)
    assert found.answer == ["in-addr.arpa. 5 IN NS ns.dns.in-addr.arpa."]
    found = await cluster.ask("ns.dns.in-addr.arpa", local=local)
    assert found.answer == ["ns.dns.in-addr.arpa. 5 IN A 192.0.2.53"]
    assert len((await cluster.ask("dns-version.ip6.arpa", "TXT")).answer) == 1


async def test_an_address_that_is_only_valid_here_is_not_told(cluster: Cluster) -> None:
    for local in ("127.0.0.1", "::1"):
        found = await cluster.ask("cluster.local", "NS", local=(local, 53))
        assert (len(found.answer), found.additional) == (1, [])
        assert (await cluster.ask("ns.dns.cluster.local", local=(local, 53))).answer == []


async def test_what_depends_on_the_address_that_was_asked_is_not_repeated(cluster: Cluster) -> None:
    for name, qtype in (("cluster.local", "NS"), ("ns.dns.cluster.local", "A")):
        query = question(name, qtype, local=("192.0.2.53", 53))
        assert (await cluster.part.resolve(query, None)).replay is None  # type: ignore[arg-type]
