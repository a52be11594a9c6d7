"""What objects of each kind offer, and what of them is left out."""

from __future__ import annotations

from typing import Any

import pytest

from resolver.kube.reading import parse_service
from resolver.plugins.gateway.endpoints import parse_dns_endpoint
from resolver.plugins.gateway.hosts import Refused, read_host
from resolver.plugins.gateway.objects import parse_ingress, parse_node, parsers
from resolver.plugins.gateway.offers import Offer, Reading, ingress_offer, node_items, nodeport_offer, service_offer
from resolver.plugins.gateway.table import Item
from resolver.plugins.gateway.values import packed_item
from resolver.wire.constants import type_name
from resolver.wire.names import from_text, to_text

PLAIN = Reading()
ADDRESS = packed_item(b"\xc0\0\2\1")


def shown(offer: Offer | None) -> dict[str, list[str]]:
    if offer is None:
        return {}
    return {
        to_text(name): [f"{type_name(item.type)} {_rdata(item)}" for item in items]
        for name, items in offer.wanted.items()
    }


def _rdata(item: Item) -> str:
    match type_name(item.type):
        case "A":
            return ".".join(map(str, item.rdata))
        case "CNAME":
            return to_text(item.rdata)
        case "SRV":
            return f"{int.from_bytes(item.rdata[4:6], 'big')} {to_text(item.rdata[6:])}"
    return item.rdata.hex()


def reasons(offer: Offer | None) -> list[str]:
    return [] if offer is None else [refused.reason for refused in offer.skipped]


def ingress(*hosts: object, addresses: Any = ({"ip": "192.0.2.1"},), annotations: Any = None, **spec: Any) -> Any:
    return {
        "metadata": {"namespace": "shop", "name": "web", "annotations": annotations},
        "spec": {"rules": [{"host": host} for host in hosts], **spec},
        "status": {"loadBalancer": {"ingress": list(addresses)}},
    }


def offered(item: Any, reading: Reading = PLAIN) -> Offer:
    return ingress_offer(parse_ingress(item), reading)


# --- host names


@pytest.mark.parametrize(
    "text", ["a.example.com", "A.Example.COM.", "*.example.com", "x" * 63 + ".example.com", "xn--p1ai", "0.a"]
)
def test_host_names(text: str) -> None:
    assert read_host(text) == from_text(text.lower())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "host"), (None, "host"), (7, "host"), (".", "host"), ("a..b", "host"), ("-a.example.com", "host"),
        ("a b.example.com", "host"), ("a_b.example.com", "host"), ("ä.example.com", "host"), ("*", "host"),
        ("a.*.example.com", "host"), ("*.*.example.com", "host"), ("a\\.b", "host"), ("192.0.2.1", "address"),
        ("300.1.1.1", "address"), ("8", "address"),
        ("[2001:db8::1]", "address"), ("x" * 64 + ".example.com", "label"), (".".join(["x" * 63] * 4), "label"),
    ],
)  # fmt: skip
def test_what_is_no_host_name(text: object, reason: str) -> None:
    with pytest.raises(Refused) as caught:
        read_host(text)
    assert caught.value.reason == reason


# --- Ingress


def test_hosts_of_an_ingress_have_the_addresses_of_its_status() -> None:
    offer = offered(
        ingress(
            "a.example.com",
            "*.b.example.com",
            "a.example.com",
            addresses=[{"ip": "192.0.2.1"}, {"hostname": "lb.example.net"}],
        )
    )
    assert shown(offer) == {
        name: ["A 192.0.2.1", "CNAME lb.example.net."] for name in ("a.example.com.", "*.b.example.com.")
    }


def test_an_ingress_without_an_address_claims_nothing() -> None:
    assert shown(offered(ingress("a.example.com", addresses=()))) == {}


def test_a_bad_host_or_address_does_not_take_the_others_with_it() -> None:
    offer = offered(
        ingress(
            "192.0.2.9",
            "x" * 64,
            "a.example.com",
            addresses=[{"ip": "300.1.1.1"}, {"ip": "192.0.2.1"}, "?", {"hostname": "-"}],
        )
    )
    assert shown(offer) == {"a.example.com.": ["A 192.0.2.1"]}
    assert sorted(reasons(offer)) == ["address", "address", "host", "label"]


@pytest.mark.parametrize(
    "item",
    [
        {},
        {"spec": 7, "status": []},
        {"spec": {"rules": {"host": "a"}}},
        {"metadata": "x", "spec": {"rules": [7, None]}},
    ],
)
def test_an_ingress_that_is_not_as_documented_claims_nothing(item: Any) -> None:
    assert shown(offered(item)) == {}


def test_hosts_of_certificates_and_rules_without_a_host_do_not_count() -> None:
    assert shown(offered(ingress("", tls=[{"hosts": ["*.example.com"]}]))) == {}


@pytest.mark.parametrize(
    ("item", "taken"),
    [
        (ingress("a.example.com", ingressClassName="public"), True),
        (ingress("a.example.com", annotations={"kubernetes.io/ingress.class": "public"}), True),
        (ingress("a.example.com", ingressClassName="inside"), False),
        (ingress("a.example.com"), False),
    ],
)
def test_the_class_of_an_ingress(item: Any, taken: bool) -> None:
    assert bool(shown(offered(item, Reading(ingress_classes=frozenset({"public"}))))) is taken


def test_configured_addresses_stand_in_where_the_status_has_none_or_always() -> None:
    empty, full = ingress("a.example.com", addresses=()), ingress("a.example.com", addresses=[{"ip": "192.0.2.7"}])
    assert shown(offered(empty, Reading(addresses=(ADDRESS,)))) == {"a.example.com.": ["A 192.0.2.1"]}
    assert shown(offered(full, Reading(addresses=(ADDRESS,)))) == {"a.example.com.": ["A 192.0.2.7"]}
    assert shown(offered(full, Reading(addresses=(ADDRESS,), override=True))) == {"a.example.com.": ["A 192.0.2.1"]}


def test_annotations_add_hosts_and_replace_addresses_and_ttl() -> None:
    annotations = {
        "external-dns.alpha.kubernetes.io/hostname": "b.example.com, c.example.com",
        "external-dns.alpha.kubernetes.io/target": "192.0.2.8,lb.example.net",
        "external-dns.alpha.kubernetes.io/ttl": "90",
    }
    offer = offered(ingress("a.example.com", annotations=annotations))
    assert shown(offer) == {f"{name}.example.com.": ["A 192.0.2.8", "CNAME lb.example.net."] for name in "abc"}
    assert {item.ttl for items in offer.wanted.values() for item in items} == {90}


@pytest.mark.parametrize(
    ("text", "ttl"),
    [("0", 0), ("300", 300), ("1m30s", 90), ("1h", 3600), ("-1", None), ("soon", None), ("9" * 11, None)],
)
def test_the_ttl_of_an_annotation(text: str, ttl: int | None) -> None:
    offer = offered(ingress("a.example.com", annotations={"resolver.k8s/ttl": text}))
    assert [item.ttl for items in offer.wanted.values() for item in items] == [-1 if ttl is None else ttl]
    assert reasons(offer) == (["ttl"] if ttl is None else [])


def test_other_annotations_are_looked_at_where_they_are_named() -> None:
    item = ingress(annotations={"example.org/name": "a.example.com", "resolver.k8s/hostname": "b.example.com"})
    parse = parsers(("example.org/name",))["ingress"]
    assert shown(ingress_offer(parse(item), Reading(annotations=("example.org/name",)))) == {
        "a.example.com.": ["A 192.0.2.1"]
    }


def test_readers_are_the_same_for_all_directives_that_look_at_the_same() -> None:
    assert parsers(("x/y",))["httproute"] is parsers(("x/y",))["httproute"]
    assert parsers()["service"] is parse_service


# --- Services


def service(kind: str, host: str = "a.example.com", ingress: Any = (), **spec: Any) -> Any:
    return parse_service(
        {
            "metadata": {
                "namespace": "shop",
                "name": "web",
                "annotations": {"resolver.k8s/hostname": host} if host else {},
            },
            "spec": {
                "type": kind,
                "ports": [{"name": "http", "port": 80, "nodePort": 30080}, {"port": 81, "nodePort": 30081}],
                **spec,
            },
            "status": {"loadBalancer": {"ingress": list(ingress)}},
        }
    )


def test_the_annotation_of_a_service_names_hosts_for_its_external_addresses() -> None:
    balancer = service(
        "LoadBalancer", ingress=[{"ip": "192.0.2.1"}, {"hostname": "lb.example.net"}], externalIPs=["192.0.2.2"]
    )
    assert shown(service_offer(balancer, Reading())) == {
        "a.example.com.": ["A 192.0.2.1", "A 192.0.2.2", "CNAME lb.example.net."]
    }
    assert shown(service_offer(service("ClusterIP", externalIPs=["192.0.2.2"]), Reading())) == {
        "a.example.com.": ["A 192.0.2.2"]
    }
    assert shown(service_offer(service("ClusterIP", clusterIP="10.0.0.1"), Reading())) == {}


def test_a_service_that_names_no_host_offers_nothing() -> None:
    assert service_offer(service("LoadBalancer", host="", ingress=[{"ip": "192.0.2.1"}]), Reading()) is None


def test_a_wrong_annotation_is_noted() -> None:
    assert reasons(service_offer(service("LoadBalancer", host="_no"), Reading())) == ["host"]


def test_load_balancers_have_names_of_their_own_on_request() -> None:
    reading = Reading(service_zones=(from_text("example.com"),))
    assert shown(service_offer(service("LoadBalancer", host="", ingress=[{"ip": "192.0.2.1"}]), reading)) == {
        "web.shop.example.com.": ["A 192.0.2.1"]
    }
    assert service_offer(service("ClusterIP", host="", externalIPs=["192.0.2.1"]), reading) is None


def test_a_service_on_ports_of_the_nodes_has_their_addresses_and_its_ports() -> None:
    offer = nodeport_offer(service("NodePort"), Reading(), (ADDRESS,))
    assert shown(offer) == {
        "a.example.com.": ["A 192.0.2.1"],
        "_http._tcp.a.example.com.": ["SRV 30080 a.example.com."],
    }
    assert nodeport_offer(service("ClusterIP"), Reading(), (ADDRESS,)) is None
    assert nodeport_offer(service("NodePort", host=""), Reading(), (ADDRESS,)) is None
    assert shown(nodeport_offer(service("NodePort", host="*.example.com"), Reading(), (ADDRESS,))) == {
        "*.example.com.": ["A 192.0.2.1"]
    }
    assert shown(nodeport_offer(service("NodePort"), Reading(), ())) == {}


def node(ready: str = "True", labels: Any = None, **addresses: str) -> Any:
    return {
        "metadata": {"labels": labels or {}},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "addresses": [{"type": kind, "address": address} for kind, address in addresses.items()],
        },
    }


def test_nodes_count_with_the_first_kind_of_address_that_they_have() -> None:
    both = parse_node(node(ExternalIP="192.0.2.1", InternalIP="10.0.0.1", Hostname="n1"))
    inner = parse_node(node(InternalIP="10.0.0.2"))
    assert both is not None
    assert inner is not None
    assert [item.rdata for item in node_items([both, inner], Reading())] == [b"\n\0\0\2", b"\xc0\0\2\1"]
    assert [item.rdata for item in node_items([both, inner], Reading(node_types=("InternalIP",)))] == [
        b"\n\0\0\1",
        b"\n\0\0\2",
    ]
    assert [item.rdata for item in node_items([both, inner], Reading(node_types=("ExternalIP",)))] == [b"\xc0\0\2\1"]


def test_nodes_that_are_not_ready_or_kept_out_do_not_count() -> None:
    assert parse_node(node("False", InternalIP="10.0.0.1")) is None
    assert parse_node(node("Unknown", InternalIP="10.0.0.1")) is None
    assert (
        parse_node(node(labels={"node.kubernetes.io/exclude-from-external-load-balancers": ""}, InternalIP="10.0.0.1"))
        is None
    )
    assert parse_node({}) is None


# --- DNSEndpoint


@pytest.mark.parametrize(
    ("kind", "target", "rdata"),
    [
        ("A", "192.0.2.1", b"\xc0\0\2\1"),
        ("AAAA", "2001:db8::1", bytes.fromhex("20010db8000000000000000000000001")),
        ("CNAME", "lb.example.net", from_text("lb.example.net")),
        ("TXT", '"v=spf1 -all"', b"\x0bv=spf1 -all"),
        ("TXT", "x" * 300, b"\xff" + b"x" * 255 + b"\x2d" + b"x" * 45),
        ("SRV", "10 5 5060 sip.example.net.", b"\0\x0a\0\x05\x13\xc4" + from_text("sip.example.net")),
        ("MX", "10 mx.example.net", b"\0\x0a" + from_text("mx.example.net")),
        ("CAA", '0 issue "ca.example.net"', b"\0\5issueca.example.net"),
    ],
)
def test_records_of_a_dns_endpoint(kind: str, target: str, rdata: bytes) -> None:
    found = parse_dns_endpoint(endpoint(recordType=kind, targets=[target], recordTTL=60))
    assert [(type_name(item.type), item.ttl, item.rdata) for item in found.wanted[from_text("a.example.com")]] == [
        (kind, 60, rdata)
    ]


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"recordType": "NS", "targets": ["ns.example.net"]}, "type"),
        ({"recordType": "A", "targets": ["2001:db8::1"]}, "target"),
        ({"recordType": "AAAA", "targets": ["192.0.2.1"]}, "target"),
        ({"recordType": "CNAME", "targets": ["192.0.2.1"]}, "address"),
        ({"recordType": "SRV", "targets": ["1 2 3"]}, "target"),
        ({"recordType": "SRV", "targets": ["1 2 99999 a.example.net"]}, "target"),
        ({"recordType": "MX", "targets": ["mx.example.net"]}, "target"),
        ({"recordType": "CAA", "targets": ["x issue y"]}, "target"),
        ({"recordType": "TXT", "targets": ["x" * 70_000]}, "target"),
        ({"dnsName": "-", "targets": ["192.0.2.1"]}, "host"),
    ],
)
def test_records_that_cannot_be_served_are_left_out(more: Any, reason: str) -> None:
    found = parse_dns_endpoint(endpoint(**more))
    assert (found.wanted, [refused.reason for refused in found.skipped]) == ({}, [reason])


def test_a_dns_endpoint_may_have_several_records_and_names_with_underscores() -> None:
    item = endpoint(recordType="A", targets=["192.0.2.1", "no", "192.0.2.2"])
    item["spec"]["endpoints"].append(
        {"dnsName": "_dmarc.example.com", "recordType": "TXT", "targets": ["x"], "recordTTL": 0}
    )
    found = parse_dns_endpoint(item)
    assert {to_text(name): len(items) for name, items in found.wanted.items()} == {
        "a.example.com.": 2,
        "_dmarc.example.com.": 1,
    }
    assert found.wanted[from_text("_dmarc.example.com")][0].ttl == -1


@pytest.mark.parametrize("spec", [None, {}, {"endpoints": 7}, {"endpoints": [None, {"dnsName": "a.example.com"}]}])
def test_a_dns_endpoint_without_records_offers_nothing(spec: Any) -> None:
    assert parse_dns_endpoint({"spec": spec}).wanted == {}


def endpoint(**more: Any) -> Any:
    return {
        "metadata": {"namespace": "shop", "name": "web"},
        "spec": {"endpoints": [{"dnsName": "a.example.com", **more}]},
    }
