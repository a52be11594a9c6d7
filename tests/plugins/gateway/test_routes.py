"""Hosts of routes at Gateways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from resolver.plugins.gateway.objects import parse_gateway, parse_route
from resolver.plugins.gateway.offers import Labels, Reading, route_offer
from resolver.plugins.gateway.routes import intersection
from resolver.wire.names import from_text, to_text

PLAIN = Reading()
LABELS: Labels = {"web": {"tier": "app"}, "infra": {"tier": "base"}}


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("a.example.com", "a.example.com", "a.example.com"),
        ("a.example.com", "b.example.com", None),
        ("a.example.com", "*.example.com", "a.example.com"),
        ("a.b.example.com", "*.example.com", "a.b.example.com"),
        ("example.com", "*.example.com", None),
        ("*.example.com", "a.example.com", "a.example.com"),
        ("*.b.example.com", "*.example.com", "*.b.example.com"),
        ("*.example.com", "*.b.example.com", "*.b.example.com"),
        ("*.example.com", "*.example.com", "*.example.com"),
        ("*.badexample.com", "*.example.com", None),
    ],
)
def test_the_hosts_that_two_have_in_common(one: str, other: str, expected: str | None) -> None:
    found = intersection(from_text(one), from_text(other))
    assert found == (None if expected is None else from_text(expected))


def where(**selector: Any) -> dict[str, Any]:
    """A listener's leave for namespaces with such labels."""
    return {"namespaces": {"from": "Selector", "selector": selector}}


def gateway(*listeners: dict[str, Any], **spec: Any) -> dict[str, Any]:
    """A Gateway in the namespace ``infra``; a listener takes routes from anywhere unless it says otherwise."""
    lb = {"type": "Hostname", "value": "lb.example.net"}
    every = {"name": "web", "port": 80, "protocol": "HTTP", "allowedRoutes": {"namespaces": {"from": "All"}}}
    return {
        "metadata": {"namespace": "infra", "name": "edge"},
        "spec": {"gatewayClassName": "one", "listeners": [every | listener for listener in listeners], **spec},
        "status": {"addresses": [{"value": "192.0.2.7"}, lb, {"type": "x/y", "value": "?"}]},
    }


def route(*hosts: str, parents: Sequence[dict[str, Any]] = ({},), status: str = "True", **more: Any) -> dict[str, Any]:
    """A route in the namespace ``web`` whose parents have all accepted it."""
    refs = [{"namespace": "infra", "name": "edge"} | parent for parent in parents]
    condition = {"type": "Accepted", "status": status}
    return {
        "metadata": {"namespace": "web", "name": "shop", **more},
        "spec": {"hostnames": list(hosts), "parentRefs": refs},
        "status": {"parents": [{"parentRef": dict(ref), "conditions": [condition]} for ref in refs]},
    }


def hosts(
    a_route: dict[str, Any],
    a_gateway: dict[str, Any],
    kind: str = "httproute",
    reading: Reading = PLAIN,
    labels: Labels = LABELS,
) -> list[str]:
    offer = route_offer(parse_route(kind, a_route), reading, {"infra/edge": parse_gateway(a_gateway)}, labels)
    return sorted(to_text(name) for name in offer.wanted)


def test_a_route_has_the_addresses_of_its_gateway() -> None:
    one = parse_route("httproute", route("a.example.com"))
    offer = route_offer(one, PLAIN, {"infra/edge": parse_gateway(gateway({}))}, {})
    assert {to_text(name): [item.rdata for item in items] for name, items in offer.wanted.items()} == {
        "a.example.com.": [b"\xc0\0\2\7", from_text("lb.example.net")]
    }


def test_hosts_are_those_that_the_listener_has_too() -> None:
    listener = {"hostname": "*.example.com"}
    assert hosts(route("a.example.com", "a.example.net", "*.b.example.com"), gateway(listener)) == [
        "*.b.example.com.",
        "a.example.com.",
    ]
    assert hosts(route(), gateway(listener, {"name": "s", "hostname": "x.example.org"})) == [
        "*.example.com.",
        "x.example.org.",
    ]


def test_a_route_all_of_whose_hosts_are_malformed_does_not_get_those_of_the_listener() -> None:
    assert hosts(route("-bad-", "192.0.2.1"), gateway({"hostname": "*.example.com"})) == []


@pytest.mark.parametrize(
    ("kind", "protocol", "taken"),
    [
        ("httproute", "HTTP", True),
        ("httproute", "HTTPS", True),
        ("httproute", "TLS", False),
        ("httproute", "TCP", False),
        ("grpcroute", "HTTPS", True),
        ("tlsroute", "TLS", True),
        ("tlsroute", "HTTPS", False),
        ("tlsroute", "vendor.example/quic", True),
    ],
)
def test_a_listener_takes_routes_that_its_protocol_has(kind: str, protocol: str, taken: bool) -> None:
    assert bool(hosts(route("a.example.com"), gateway({"protocol": protocol}), kind)) is taken


@pytest.mark.parametrize(
    ("allowed", "taken"),
    [
        ({}, False),
        ({"namespaces": {"from": "Same"}}, False),
        ({"namespaces": {"from": "All"}}, True),
        ({"namespaces": {"from": "None"}}, False),
        (where(matchLabels={"tier": "app"}), True),
        (where(matchLabels={"tier": "base"}), False),
        (where(matchExpressions=[{"key": "tier", "operator": "In", "values": ["app", "x"]}]), True),
        (where(matchExpressions=[{"key": "tier", "operator": "NotIn", "values": ["app"]}]), False),
        (where(matchExpressions=[{"key": "tier", "operator": "Exists"}]), True),
        (where(matchExpressions=[{"key": "tier", "operator": "DoesNotExist"}]), False),
        (where(matchExpressions=[{"key": "tier", "operator": "Nonsense"}]), False),
        ({"namespaces": {"from": "All"}, "kinds": [{"kind": "HTTPRoute"}]}, True),
        ({"namespaces": {"from": "All"}, "kinds": [{"kind": "GRPCRoute"}]}, False),
        ({"namespaces": {"from": "All"}, "kinds": [{"group": "other.example", "kind": "HTTPRoute"}]}, False),
    ],
)  # fmt: skip
def test_a_listener_takes_routes_that_it_allows(allowed: dict[str, Any], taken: bool) -> None:
    assert bool(hosts(route("a.example.com"), gateway({"allowedRoutes": allowed}))) is taken


def test_a_selector_takes_nobody_whose_labels_are_not_known() -> None:
    allowed = {"namespaces": {"from": "Selector", "selector": {}}}
    assert hosts(route("a.example.com"), gateway({"allowedRoutes": allowed})) == ["a.example.com."]
    assert hosts(route("a.example.com"), gateway({"allowedRoutes": allowed}), labels={}) == []


def test_only_the_listener_or_port_that_the_route_names() -> None:
    edge = gateway({"hostname": "a.example.com"}, {"name": "other", "port": 81, "hostname": "b.example.com"})
    assert hosts(route(parents=[{"sectionName": "other"}]), edge) == ["b.example.com."]
    assert hosts(route(parents=[{"port": 80}]), edge) == ["a.example.com."]
    assert hosts(route(parents=[{"sectionName": "other", "port": 80}]), edge) == []


def test_only_parents_that_have_accepted_the_route_and_are_still_wanted() -> None:
    edge = gateway({})
    assert hosts(route("a.example.com", status="False"), edge) == []
    stale = route("a.example.com")
    stale["spec"]["parentRefs"] = [{"namespace": "infra", "name": "another"}]
    assert hosts(stale, edge) == []
    mesh = route("a.example.com", parents=[{"group": "", "kind": "Service"}])
    assert hosts(mesh, edge) == []


def test_a_parent_without_namespace_is_in_that_of_the_route() -> None:
    own = route("a.example.com")
    for ref in (own["spec"]["parentRefs"][0], own["status"]["parents"][0]["parentRef"]):
        del ref["namespace"]
    offer = route_offer(parse_route("httproute", own), Reading(), {"web/edge": parse_gateway(gateway({}))}, LABELS)
    assert list(offer.wanted) == [from_text("a.example.com")]


def test_the_class_of_the_gateway() -> None:
    assert hosts(route("a.example.com"), gateway({}), reading=Reading(gateway_classes=frozenset({"two"}))) == []
    assert hosts(route("a.example.com"), gateway({}), reading=Reading(gateway_classes=frozenset({"one"}))) != []


def test_annotations_name_more_hosts_and_other_addresses() -> None:
    annotations = {
        "resolver.k8s/hostname": "b.example.com",
        "resolver.k8s/target": "192.0.2.99",
        "resolver.k8s/ttl": "1m",
    }
    one = parse_route("httproute", route("a.example.com", annotations=annotations))
    offer = route_offer(one, Reading(), {"infra/edge": parse_gateway(gateway({}))}, LABELS)
    assert {to_text(name): [(item.ttl, item.rdata) for item in items] for name, items in offer.wanted.items()} == {
        "a.example.com.": [(60, b"\xc0\0\2\x63")],
        "b.example.com.": [(60, b"\xc0\0\2\x63")],
    }
