"""Objects come, change and go, and the answers with them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from resolver.kube import kinds
from resolver.kube.kinds import Kind
from tests.plugins.gateway.scripted import Json, Scene, gateway, ingress, node, route, service

NXDOMAIN, SERVFAIL = ["3"], ["2"]


@pytest.fixture
async def start(monkeypatch: pytest.MonkeyPatch) -> Any:
    scenes: list[Scene] = []

    async def begin(
        *options: str,
        missing: set[Kind] | None = None,
        refused: set[Kind] | None = None,
        line: str = "gateway example.com",
    ) -> Scene:
        scene = Scene(monkeypatch, *options, line=line)
        scene.pool.missing, scene.pool.refused = missing or set(), refused or set()
        await scene.plugin.start()
        scenes.append(scene)
        return scene

    yield begin
    for scene in scenes:
        await scene.plugin.stop()


async def test_a_host_is_there_as_soon_as_its_controller_has_an_address(start: Any) -> None:
    scene, host = await start(), "external.example.com"
    scene.pool.put("Ingress", ingress(host))
    assert await scene.answer(host) == NXDOMAIN
    scene.pool.put("Ingress", ingress(host, "192.0.2.1"))
    assert await scene.answer(host) == ["A 192.0.2.1"]
    scene.pool.put("Ingress", ingress(host, "192.0.2.2", "192.0.2.3"))
    assert await scene.answer(host) == ["A 192.0.2.2", "A 192.0.2.3"]
    scene.pool.put("Ingress", ingress("other.example.com", "192.0.2.2"))
    assert await scene.answer(host) == NXDOMAIN
    assert await scene.answer("other.example.com") == ["A 192.0.2.2"]
    scene.pool.put("Ingress", ingress("other.example.com", "192.0.2.2"), gone=True)
    assert await scene.answer("other.example.com") == NXDOMAIN


async def test_ingresses_that_share_a_host_add_up_until_one_goes(start: Any) -> None:
    scene, host = await start(), "www.example.com"
    for name, address in (("one", "192.0.2.1"), ("two", "192.0.2.2")):
        scene.pool.put("Ingress", ingress(host, address, name=name))
    assert await scene.answer(host) == ["A 192.0.2.1", "A 192.0.2.2"]
    scene.pool.put("Ingress", ingress(host, "192.0.2.1", name="one"), gone=True)
    assert await scene.answer(host) == ["A 192.0.2.2"]


async def test_only_ingresses_of_the_class(start: Any) -> None:
    scene = await start("ingress_class public")
    scene.pool.put("Ingress", ingress("a.example.com", "192.0.2.1", name="a", ingressClassName="public"))
    scene.pool.put("Ingress", ingress("b.example.com", "192.0.2.1", name="b", ingressClassName="inside"))
    assert await scene.answer("a.example.com") == ["A 192.0.2.1"]
    assert await scene.answer("b.example.com") == NXDOMAIN
    scene.pool.put("Ingress", ingress("a.example.com", "192.0.2.1", name="a", ingressClassName="inside"))
    assert await scene.answer("a.example.com") == NXDOMAIN


async def test_route_and_gateway_may_come_in_any_order_and_change(start: Any) -> None:
    scene, host = await start(), "a.example.com"
    scene.pool.put("HTTPRoute", route(host))
    assert await scene.answer(host) == NXDOMAIN
    scene.pool.put("Gateway", gateway("192.0.2.1"))
    assert await scene.answer(host) == ["A 192.0.2.1"]
    scene.pool.put("Gateway", gateway("192.0.2.9"))
    assert await scene.answer(host) == ["A 192.0.2.9"]
    scene.pool.put("Gateway", gateway("192.0.2.9", hostname="*.apps.example.com"))
    assert await scene.answer(host) == NXDOMAIN
    scene.pool.put("HTTPRoute", route("x.apps.example.com"))
    assert await scene.answer("x.apps.example.com") == ["A 192.0.2.9"]
    scene.pool.put("Gateway", gateway("192.0.2.2", name="other"))
    scene.pool.put("HTTPRoute", route(host, to="other"))
    assert await scene.answer(host) == ["A 192.0.2.2"]
    scene.pool.put("Gateway", gateway(name="other"), gone=True)
    assert await scene.answer(host) == NXDOMAIN
    scene.pool.put("HTTPRoute", route(host), gone=True)
    assert (scene.plugin.cluster._attached, scene.plugin.cluster._routes) == ({}, {})


async def test_what_is_left_out_again_and_again_is_counted_once(start: Any) -> None:
    scene = await start()
    for version in ("1", "2", "3"):
        item = ingress("-bad-.example.com", "192.0.2.1")
        item["metadata"]["resourceVersion"] = version
        scene.pool.put("Ingress", item)
    assert scene.world.metric("coredns_gateway_objects_skipped_total", "ingress", "host") == 1


async def test_labels_of_a_namespace_let_its_routes_in_and_shut_them_out(start: Any) -> None:
    scene, host = await start(), "a.example.com"
    selector = {"from": "Selector", "selector": {"matchLabels": {"public": "yes"}}}
    scene.pool.put("Gateway", gateway("192.0.2.1", allowed=selector))
    scene.pool.put("HTTPRoute", route(host))
    for labels, expected in (({}, NXDOMAIN), ({"public": "yes"}, ["A 192.0.2.1"]), ({"public": "no"}, NXDOMAIN)):
        scene.pool.put("Namespace", {"metadata": {"name": "shop", "labels": labels}})
        assert await scene.answer(host) == expected


async def test_nodeport_services_follow_the_nodes(start: Any) -> None:
    scene, host = await start("resources nodeport"), "a.example.com"
    scene.pool.put("Service", service("NodePort", host))
    assert await scene.answer(host) == NXDOMAIN
    scene.pool.put("Node", node("n1", "10.0.0.1"))
    scene.pool.put("Node", node("n2", "10.0.0.2"))
    await asyncio.sleep(0)
    assert await scene.answer(host) == ["A 10.0.0.1", "A 10.0.0.2"]
    assert await scene.answer(f"_http._tcp.{host}", "SRV") == ["SRV 30080 a.example.com."]
    scene.pool.put("Node", node("n1", "10.0.0.1", ready="False"))
    await asyncio.sleep(0)
    assert await scene.answer(host) == ["A 10.0.0.2"]
    scene.pool.put("Service", service("NodePort", "b.example.com"))
    assert await scene.answer("b.example.com") == ["A 10.0.0.2"]
    assert await scene.answer(host) == NXDOMAIN
    scene.pool.put("Service", service("NodePort", host), gone=True)
    assert scene.plugin.cluster._nodeports == {}


async def test_a_service_may_become_one_of_another_type(start: Any) -> None:
    scene, host = await start("resources service nodeport"), "a.example.com"
    scene.pool.put("Node", node("n1", "10.0.0.1"))
    await asyncio.sleep(0)
    scene.pool.put("Service", service("LoadBalancer", host, "192.0.2.1"))
    assert await scene.answer(host) == ["A 192.0.2.1"]
    scene.pool.put("Service", service("NodePort", host))
    assert await scene.answer(host) == ["A 10.0.0.1"]
    scene.pool.put("Service", service("LoadBalancer", host, "192.0.2.1"))
    assert await scene.answer(host) == ["A 192.0.2.1"]


async def test_load_balancers_with_a_name_of_their_own(start: Any) -> None:
    scene = await start("service_names")
    scene.pool.put("Service", service("LoadBalancer", "", "192.0.2.1"))
    assert await scene.answer("web.shop.example.com") == ["A 192.0.2.1"]


async def test_dns_endpoints(start: Any) -> None:
    scene = await start("resources dnsendpoint")
    item: Json = {"metadata": {"namespace": "shop", "name": "web"}, "spec": {"endpoints": [
        {"dnsName": "a.example.com", "recordType": "A", "targets": ["192.0.2.1"]},
        {"dnsName": "b.example.com", "recordType": "CNAME", "targets": ["a.example.com"]},
    ]}}  # fmt: skip
    scene.pool.put("DNSEndpoint", item)
    assert await scene.answer("a.example.com") == ["A 192.0.2.1"]
    assert await scene.answer("b.example.com") == ["CNAME a.example.com."]
    scene.pool.put("DNSEndpoint", item, gone=True)
    assert await scene.answer("a.example.com") == NXDOMAIN


async def test_an_object_that_was_made_anew_unnoticed_is_no_longer_the_oldest(start: Any) -> None:
    scene, host = await start(), "a.example.com"

    def aged(item: Json, stamp: str) -> Json:
        item["metadata"]["creationTimestamp"] = stamp
        return item

    scene.pool.put("Ingress", aged(ingress(host, "192.0.2.1"), "2024-01-01T00:00:00Z"))
    scene.pool.put("Ingress", aged(ingress(host, "192.0.2.2", namespace="late"), "2024-02-01T00:00:00Z"))
    assert await scene.answer(host) == ["A 192.0.2.1"]
    scene.pool.put("Ingress", aged(ingress(host, "192.0.2.1"), "2024-03-01T00:00:00Z"))
    assert await scene.answer(host) == ["A 192.0.2.2"]


# --- what is watched


@pytest.mark.parametrize(
    ("resources", "watched"),
    [
        ("ingress", {kinds.INGRESSES}),
        ("service", {kinds.SERVICES}),
        ("nodeport", {kinds.SERVICES, kinds.NODES}),
        ("tlsroute", {kinds.TLS_ROUTES, kinds.GATEWAYS, kinds.NAMESPACES}),
        ("grpcroute httproute", {kinds.GRPC_ROUTES, kinds.HTTP_ROUTES, kinds.GATEWAYS, kinds.NAMESPACES}),
        ("dnsendpoint", {kinds.DNS_ENDPOINTS}),
    ],
)
async def test_only_what_is_asked_for_is_watched(start: Any, resources: str, watched: set[Kind]) -> None:
    scene = await start(f"resources {resources}")
    assert [one.kind for one in scene.pool.given] == sorted(watched, key=[one.kind for one in scene.pool.given].index)
    assert len(scene.pool.given) == len(watched)


async def test_namespaces_and_labels_are_for_objects_that_claim_names(start: Any) -> None:
    scene = await start("resources ingress httproute", "namespaces shop web", "labels tier=app")
    asked = {(one.kind, one.namespace, one.labels) for one in scene.pool.given}
    claiming = {
        (kind, namespace, "tier=app") for kind in (kinds.INGRESSES, kinds.HTTP_ROUTES) for namespace in ("shop", "web")
    }
    assert asked == claiming | {(kinds.GATEWAYS, "", ""), (kinds.NAMESPACES, "", "")}
    scene.pool.put("Gateway", gateway("192.0.2.1"))
    scene.pool.put("HTTPRoute", route("a.example.com", namespace="web"))
    scene.pool.put("HTTPRoute", route("b.example.com", namespace="other"))
    assert await scene.answer("a.example.com") == ["A 192.0.2.1"]
    assert await scene.answer("b.example.com") == NXDOMAIN


async def test_all_watches_are_given_back(start: Any) -> None:
    scene = await start()
    await scene.plugin.stop()
    assert scene.pool.released == [one.watch for one in scene.pool.given]
    scene.pool.put("Ingress", ingress("a.example.com", "192.0.2.1"))
    assert list(scene.plugin.names.objects) == []


# --- what is not known


async def test_a_kind_that_is_not_listed_yet_keeps_names_from_being_denied(start: Any) -> None:
    scene = await start(missing={kinds.SERVICES})
    scene.pool.put("Ingress", ingress("a.example.com", "192.0.2.1"))
    assert await scene.answer("a.example.com") == ["A 192.0.2.1"]
    assert await scene.answer("b.example.com") == SERVFAIL
    assert not scene.plugin.is_ready()
    assert any("serving before the cluster is known" in line for line in scene.world.lines)
    next(one.watch for one in scene.pool.given if one.kind == kinds.SERVICES).complete()
    assert await scene.answer("b.example.com") == NXDOMAIN
    assert scene.plugin.is_ready()
    assert any("the cluster is known now" in line for line in scene.world.lines)


async def test_a_kind_that_the_api_refuses_is_done_without(start: Any) -> None:
    scene = await start(refused={kinds.HTTP_ROUTES})
    assert scene.plugin.is_ready()
    scene.pool.put("Ingress", ingress("a.example.com", "192.0.2.1"))
    assert await scene.answer("a.example.com") == ["A 192.0.2.1"]
    assert await scene.answer("b.example.com") == NXDOMAIN


async def test_the_start_waits_for_the_first_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = Scene(monkeypatch)
    scene.plugin.settings = type(scene.plugin.settings)(
        scene.plugin.settings.directive, scene.plugin.settings.source, scene.plugin.settings.zones, startup_timeout=5.0
    )
    scene.pool.missing = {kinds.SERVICES}
    starting = asyncio.ensure_future(scene.plugin.start())
    await asyncio.sleep(0)
    assert not starting.done()
    next(one.watch for one in scene.pool.given if one.kind == kinds.SERVICES).complete()
    await asyncio.wait_for(starting, 5)
    assert scene.plugin.is_ready()
    await scene.plugin.stop()


# --- figures


async def test_figures_of_names_objects_conflicts_and_what_is_left_out(start: Any) -> None:
    scene = await start(line="gateway example.com example.org")
    scene.pool.put("Ingress", ingress("a.example.com", "192.0.2.1"))
    scene.pool.put("Ingress", ingress("a.example.com", "192.0.2.2", namespace="thief"))
    scene.pool.put("Service", service("LoadBalancer", "b.example.org,192.0.2.7", "192.0.2.2"))
    scene.pool.put("Service", service("LoadBalancer", "b.elsewhere.net", "192.0.2.2", name="far"))
    metric = scene.world.metric
    assert metric("coredns_gateway_names", "example.com.") == 1
    assert metric("coredns_gateway_names", "example.org.") == 1
    assert metric("coredns_gateway_objects", "ingress") == 2
    assert metric("coredns_gateway_conflicts") == 1
    assert metric("coredns_gateway_objects_skipped_total", "service", "address") == 1
    assert metric("coredns_gateway_objects_skipped_total", "service", "outside") == 1
    await scene.plugin.stop()
    assert metric("coredns_gateway_names", "example.com.") == 0
