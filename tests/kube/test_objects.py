"""Objects of the API become small values, whatever is wrong with them."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import Malformed, WireError
from resolver.kube.objects import Endpoint, Namespace, Pod, Port, Service, ServiceImport, Slice, service_key
from resolver.kube.reading import (
    parse_namespace,
    parse_service,
    parse_service_import,
    pod_parser,
    slice_parser,
)
from resolver.wire.names import from_text

Json = dict[str, Any]
V4, V6 = bytes((10, 96, 0, 1)), bytes.fromhex("fd00001000960000000000000000a001")


def item(text: str, name: str = "web") -> Json:
    metadata = {"name": name, "namespace": "shop"}
    loaded: Json = yaml.safe_load(text)
    return {**loaded, "metadata": {**metadata, **loaded.get("metadata", {})}}


def service(spec: str, **more: Any) -> Service:
    return parse_service({**item(f"spec: {spec}"), **more})


def slice_of(text: str, **options: bool) -> Slice:
    whole = item(text, "web-1")
    whole["metadata"].setdefault("labels", {"kubernetes.io/service-name": "web"})
    found = slice_parser(**options)(whole)
    assert found is not None
    return found


def test_a_service_has_what_answers_need() -> None:
    found = parse_service(
        item("""
metadata:
  creationTimestamp: "2024-01-01T00:00:00Z"
  labels: {app: web}
  annotations: {external-dns.alpha.kubernetes.io/hostname: a.test, other: x}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.1
  clusterIPs: [10.96.0.1, "fd00:10:96::a001"]
  externalIPs: [203.0.113.9]
  loadBalancerClass: example.org/big
  ports: [{name: HTTP, port: 80, protocol: TCP, nodePort: 30080}, {port: 53, protocol: UDP}]
status:
  loadBalancer: {ingress: [{ip: 203.0.113.10}, {hostname: LB.example.org}, {ip: 203.0.113.11, hostname: x.test}]}
""")
    )
    assert found == Service(
        b"\3web\4shop", "shop", "web", "LoadBalancer", False, (V4, V6), b"",
        (Port(b"http", 80, b"tcp", 30080), Port(b"", 53, b"udp")),
        (bytes((203, 0, 113, 9)),), (bytes((203, 0, 113, 10)), bytes((203, 0, 113, 11))),
        (from_text("lb.example.org"),), "example.org/big",
        (("external-dns.alpha.kubernetes.io/hostname", "a.test"),), 1704067200.0, "",
    )  # fmt: skip


def test_headless_is_a_service_without_a_cluster_ip() -> None:
    for spec in ("{clusterIP: None}", "{clusterIP: None, clusterIPs: [None]}"):
        found = service(spec.replace("None", '"None"'))
        assert (found.headless, found.cluster_ips, found.problem) == (True, (), "")


def test_a_service_without_an_address_yet_is_not_headless() -> None:
    for spec in ("{}", '{clusterIP: ""}', "{clusterIPs: []}"):
        found = service(spec)
        assert (found.headless, found.cluster_ips, found.problem) == (False, (), "")


def test_an_external_name_keeps_its_spelling() -> None:
    found = service("{type: ExternalName, externalName: WWW.example.org., clusterIP: 10.96.0.1}")
    assert (found.external_name, found.cluster_ips) == (from_text("WWW.example.org"), ())


@pytest.mark.parametrize("name", ["192.0.2.1", "2001:db8::1", "", "a..b", "x" * 64, "bad name\u00e9", 7, None])
def test_an_external_name_that_is_none_cannot_be_used(name: Any) -> None:
    with pytest.raises(Malformed, match="externalName"):
        parse_service(item("{}") | {"spec": {"type": "ExternalName", "externalName": name}})


@pytest.mark.parametrize("name", ["", "x" * 64, None, 7, "n\u00e4me", ["web"]])
def test_an_object_without_a_usable_name_cannot_be_used(name: Any) -> None:
    for parse in (parse_service, parse_service_import, parse_namespace):
        with pytest.raises(Malformed, match="cannot be a label"):
            parse({"metadata": {"name": name, "namespace": "shop"}})
    with pytest.raises(Malformed):
        parse_service({"metadata": {"name": "web", "namespace": name}})


@pytest.mark.parametrize(
    ("spec", "problem"),
    [
        ("{clusterIPs: [10.96.0.1, 10.96.0.256]}", "clusterIPs has '10.96.0.256', which is not an address"),
        ("{clusterIPs: [10.96.0.1, null, {}]}", "clusterIPs has None, which is not an address (and 1 more)"),
        ("{clusterIP: 10.96.0.1, ports: [{port: 70000}]}", "port 70000 is not a port number"),
        ("{clusterIP: 10.96.0.1, ports: [{port: true}]}", "port True is not a port number"),
        ("{clusterIP: 10.96.0.1, ports: [{port: http}]}", "port 'http' is not a port number"),
        ("{clusterIP: 10.96.0.1, externalIPs: [x]}", "externalIPs has 'x', which is not an address"),
    ],
)
def test_a_bad_piece_is_left_out_and_named(spec: str, problem: str) -> None:
    found = service(spec)
    assert (found.cluster_ips, found.ports, found.external_ips) == ((V4,), (), ())
    assert found.problem == problem


def test_a_port_s_name_that_is_no_label_is_dropped() -> None:
    found = service(f"{{clusterIP: 10.96.0.1, ports: [{{name: {'x' * 64}, port: 80}}]}}")
    assert (found.ports, "cannot be a label" in found.problem) == ((Port(b"", 80, b"tcp"),), True)


def test_a_load_balancer_s_host_that_is_no_name_is_dropped() -> None:
    found = service("{clusterIP: 10.96.0.1}", status={"loadBalancer": {"ingress": [{"hostname": "a..b"}, {"ip": 5}]}})
    assert (found.balancer_hosts, found.balancer_ips) == ((), ())
    assert found.problem.endswith("(and 1 more)")


def test_a_slice_has_its_ready_endpoints() -> None:
    found = slice_of("""
metadata:
  annotations: {endpoints.kubernetes.io/last-change-trigger-time: "2024-01-01T00:00:00.5Z"}
  labels: {kubernetes.io/service-name: Web}
endpoints:
  - {addresses: [10.96.0.1], hostname: Db-0, zone: Z1, targetRef: {kind: Pod, name: db-0}}
  - {addresses: [10.96.0.2], conditions: {ready: false}}
  - {addresses: [10.96.0.3], conditions: {ready: null}}
  - {addresses: [10.96.0.4], conditions: {ready: true, serving: false, terminating: true}}
  - {addresses: ["fd00:10:96::a001", "::ffff:10.96.0.5"]}
ports: [{name: pg, port: 5432, protocol: SCTP}, {name: none}]
""")
    assert found == Slice(
        "shop", "web-1", b"\3web\4shop",
        (Endpoint(V4, b"db-0"), Endpoint(bytes((10, 96, 0, 3))), Endpoint(bytes((10, 96, 0, 4))), Endpoint(V6),
         Endpoint(bytes((10, 96, 0, 5)))),
        (Port(b"pg", 5432, b"sctp"), Port(b"none", 0, b"tcp")), triggered=1704067200.5,
    )  # fmt: skip


def test_names_of_pods_and_zones_are_kept_where_asked() -> None:
    text = "endpoints: [{addresses: [10.96.0.1], zone: Z.1, targetRef: {name: db-0}}]"
    assert slice_of(text, pods=True, zones=True).endpoints == (Endpoint(V4, b"", b"db-0", "z.1"),)
    assert slice_parser(pods=True) is slice_parser(pods=True)


@pytest.mark.parametrize("name", ["a.b", "x" * 64, "n\u00e4me", "", None, 5])
def test_a_pod_s_name_that_is_no_label_is_not_kept(name: Any) -> None:
    whole = item("{}") | {"endpoints": [{"addresses": ["10.96.0.1"], "targetRef": {"name": name}}]}
    whole["metadata"]["labels"] = {"kubernetes.io/service-name": "web"}
    found = slice_parser(pods=True)(whole)
    assert found is not None
    assert found.endpoints == (Endpoint(V4),)


@pytest.mark.parametrize("hostname", ["x" * 64, "a.b", "h\u00f6st"])
def test_a_host_name_that_is_no_label_is_dropped(hostname: str) -> None:
    found = slice_of(f"endpoints: [{{addresses: [10.96.0.1], hostname: {hostname}}}]")
    assert found.endpoints == (Endpoint(V4),)
    assert "label" in found.problem


def test_addresses_that_are_none_are_dropped() -> None:
    found = slice_of("endpoints: [{addresses: [10.96.0.1, x, 5]}, {addresses: null}, null, 5]")
    assert (found.endpoints, found.problem) == (
        (Endpoint(V4),),
        "addresses has 'x', which is not an address (and 1 more)",
    )


def test_slices_of_nobody_and_of_names_are_ignored() -> None:
    assert slice_parser()(item("endpoints: []")) is None
    whole = item("{addressType: FQDN, endpoints: [{addresses: [www.example.org]}]}")
    whole["metadata"]["labels"] = {"kubernetes.io/service-name": "web"}
    assert slice_parser()(whole) is None


def test_a_slice_of_a_service_that_can_have_no_name_cannot_be_used() -> None:
    with pytest.raises(Malformed, match=r"service-name.*63 octets"):
        slice_of(f"metadata: {{labels: {{kubernetes.io/service-name: {'x' * 64}}}}}")


def test_a_slice_may_be_imported() -> None:
    found = slice_of("""
metadata:
  labels: {multicluster.kubernetes.io/service-name: db, multicluster.kubernetes.io/source-cluster: East}
endpoints: [{addresses: [10.96.0.1]}]
""")
    assert (found.key, found.imported, found.cluster) == (b"", b"\2db\4shop", b"east")


def test_an_import() -> None:
    found = parse_service_import(item("spec: {type: ClusterSetIP, ips: [10.96.0.1, x], ports: [{port: 80}]}"))
    assert (found.cluster_ips, found.headless, found.ports) == ((V4,), False, (Port(b"", 80, b"tcp"),))
    assert "'x'" in found.problem
    headless = parse_service_import(item("spec: {type: Headless, ips: [10.96.0.1]}"))
    assert (headless.headless, headless.cluster_ips) == (True, ())


def test_a_namespace() -> None:
    assert parse_namespace({"metadata": {"name": "shop"}}) == Namespace("shop", b"shop")


def test_a_pod_has_all_of_its_addresses() -> None:
    found = pod_parser(labels=True)(
        item("""
metadata: {labels: {app: web, odd: 5}}
status: {podIP: 10.96.0.1, podIPs: [{ip: 10.96.0.1}, {ip: "fd00:10:96::a001"}, {ip: x}]}
""")
    )
    assert found == Pod("shop", "web", (V4, V6), (("app", "web"),))


@pytest.mark.parametrize(
    "status", ["{}", "{podIP: ''}", "{podIP: 10.96.0.1, phase: Succeeded}", "{podIP: 10.96.0.1, phase: Failed}"]
)
def test_pods_without_an_address_or_a_life_are_ignored(status: str) -> None:
    assert pod_parser()(item(f"status: {status}")) is None


def test_a_pod_that_is_about_to_go_is_ignored() -> None:
    text = "{metadata: {deletionTimestamp: '2024-01-01T00:00:00Z'}, status: {podIP: 10.96.0.1}}"
    assert pod_parser()(item(text)) is None


def test_a_pod_s_address_that_is_none_is_named() -> None:
    with pytest.raises(Malformed, match="podIP"):
        pod_parser()(item("status: {podIP: ten}"))


def test_keys_are_in_lower_case() -> None:
    assert service_key("Shop", "WEB") == b"\3web\4shop"
    with pytest.raises(WireError):
        service_key("shop", "x" * 64)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=70),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["name", "namespace", "labels", "annotations", "creationTimestamp", "type", "externalName", "clusterIP",
          "clusterIPs", "ports", "externalIPs", "loadBalancer", "ingress", "ip", "hostname", "addresses", "conditions",
          "port", "protocol", "nodePort", "podIP", "podIPs", "phase", "ips", "targetRef", "zone", "ready",
          "kubernetes.io/service-name", "multicluster.kubernetes.io/service-name",
          "multicluster.kubernetes.io/source-cluster"]  # fmt: skip
TREES = st.recursive(
    JSON | st.sampled_from(["10.96.0.1", "fd00::1", "None", "ExternalName", "web", "shop"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=20,
)
ITEMS = st.dictionaries(
    st.sampled_from(["metadata", "spec", "status", "endpoints", "ports", "addressType", "kind"]), TREES, max_size=6
)


@given(ITEMS, st.booleans())
def test_any_object_gives_a_value_or_is_malformed(whole: Json, named: bool) -> None:
    if named:
        labels = {"kubernetes.io/service-name": "web"}
        whole = {**whole, "metadata": {"name": "web", "namespace": "shop", "labels": labels}}
    for parse in (parse_service, slice_parser(pods=True, zones=True), parse_service_import, parse_namespace,
                  pod_parser(labels=True)):  # fmt: skip
        try:
            found = parse(whole)
        except Malformed:
            continue
        assert found is None or isinstance(found, (Service, Slice, ServiceImport, Namespace, Pod))
        if isinstance(found, (Service, Slice, ServiceImport)):
            assert all(len(port.name) < 63 for port in found.ports)
        hash(found)


def test_a_hundred_thousand_endpoints_are_small() -> None:
    slices = [
        slice_of("endpoints: [" + ", ".join(f"{{addresses: [10.{n}.{m}.1]}}" for m in range(100)) + "]")
        for n in range(10)
    ]
    endpoints = [endpoint for one in slices for endpoint in one.endpoints]
    octets = sum(sys.getsizeof(endpoint) + sys.getsizeof(endpoint.address) for endpoint in endpoints)
    assert len(endpoints) == 1000
    assert octets / len(endpoints) < 160
