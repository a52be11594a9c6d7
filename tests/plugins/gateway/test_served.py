"""A server of its own over a fake API: what is applied to the cluster is what clients are told, within a second."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from resolver.wire.constants import NXDOMAIN
from tests.plugins.gateway.scripted import Json, gateway, ingress, route, service
from tests.runtime.clients import addresses, ask
from tests.runtime.serving import Server, block, free_port, serving, until
from tests.support.kubeapi.server import FakeApi
from tests.support.upstreams import Upstream, answers

HOST = "external.example.com"
PLURALS = {"Ingress": "ingresses", "Service": "services", "Gateway": "gateways", "HTTPRoute": "httproutes"}
GATEWAY_API = {"gateways", "httproutes", "grpcroutes", "tlsroutes"}
SOON = 1.0  # seconds within which a change of the cluster must be seen


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    server = FakeApi()
    server.store.apply("namespaces", {"metadata": {"name": "shop"}})
    await server.start()
    yield server
    await server.stop()


def put(api: FakeApi, item: Json) -> None:
    api.store.apply(PLURALS[item["kind"]], item)


@asynccontextmanager
async def article(api: FakeApi, folder: Path, *options: str, fallthrough: bool = True) -> AsyncIterator[Server]:
    """The Corefile of the article with hosts of the cluster in ``example.com``; 192.0.2.200 is the public DNS."""
    port, http = free_port(), free_port()
    async with Upstream(answers("192.0.2.200", ttl=300)) as upstream:
        lines = [
            "kubernetes cluster.local in-addr.arpa ip6.arpa {",
            f"  endpoint {api.url}",
            "  pods insecure",
            "  fallthrough in-addr.arpa ip6.arpa",
            "}",
            "gateway example.com {",
            *options,
            "  fallthrough" if fallthrough else "",
            "}",
            f"forward . {upstream.to} {{",
            "  except cluster.local",
            "}",
            "cache 30",
            "loadbalance",
        ]
        async with serving(folder, block(port, *lines, http=http), port=port, http=http) as server:
            yield server


async def answered(server: Server, name: str, *wanted: str) -> None:
    """Wait until the addresses of a name are these, which must be soon."""

    async def same() -> bool:
        return sorted(addresses(await ask(server.port, name))) == sorted(wanted)

    await until(same, SOON)


async def denied(server: Server, name: str) -> None:
    async def gone() -> bool:
        return (await ask(server.port, name)).rcode == NXDOMAIN

    await until(gone, SOON)


async def test_an_external_name_behind_an_ingress_points_at_its_controller(api: FakeApi, tmp_path: Path) -> None:
    outside: Json = {
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": "external"},
        "spec": {"type": "ExternalName", "externalName": "api.example.com"},
    }
    put(api, outside)
    async with article(api, tmp_path) as server:
        for _ in range(3):  # the public DNS has another address, and the cache keeps it
            await answered(server, HOST, "192.0.2.200")
        put(api, ingress(HOST))
        put(api, ingress(HOST, "203.0.113.10"))
        await answered(server, HOST, "203.0.113.10")
        await answered(server, "www.example.com", "192.0.2.200")
        for address in ("203.0.113.11", "203.0.113.12"):
            for _ in range(3):
                await ask(server.port, HOST)
            put(api, ingress(HOST, address))
            await answered(server, HOST, address)
        api.store.delete("ingresses", "shop/web")
        await answered(server, HOST, "192.0.2.200")
        assert await server.figure("coredns_gateway_names", 'zone="example.com."') == 0


async def test_denials_of_a_zone_of_its_own_end_when_the_name_comes(api: FakeApi, tmp_path: Path) -> None:
    async with article(api, tmp_path, fallthrough=False) as server:
        for _ in range(3):
            await denied(server, HOST)
        put(api, ingress("*.example.com", "203.0.113.10", name="any"))
        await answered(server, HOST, "203.0.113.10")
        put(api, ingress(HOST, "203.0.113.11"))
        await answered(server, HOST, "203.0.113.11")
        await answered(server, "other.example.com", "203.0.113.10")
        api.store.delete("ingresses", "shop/web")
        await answered(server, HOST, "203.0.113.10")
        api.store.delete("ingresses", "shop/any")
        await denied(server, HOST)


async def test_labels_and_namespaces_select_objects(api: FakeApi, tmp_path: Path) -> None:
    labelled = ingress("a.example.com", "203.0.113.1", name="a")
    labelled["metadata"]["labels"] = {"tier": "app"}
    put(api, labelled)
    put(api, ingress("b.example.com", "203.0.113.1", name="b"))
    elsewhere = ingress("c.example.com", "203.0.113.1", name="c", namespace="other")
    elsewhere["metadata"]["labels"] = {"tier": "app"}
    put(api, elsewhere)
    options = ("labels tier=app", "namespaces shop")
    async with article(api, tmp_path, *options, fallthrough=False) as server:
        await answered(server, "a.example.com", "203.0.113.1")
        await denied(server, "b.example.com")
        await denied(server, "c.example.com")
        labelled["metadata"]["labels"] = {"tier": "other"}
        put(api, labelled)
        await denied(server, "a.example.com")


async def test_definitions_that_are_not_installed_and_kinds_that_are_refused(api: FakeApi, tmp_path: Path) -> None:
    api.forbidden.add("ingresses")
    put(api, service("LoadBalancer", "a.example.com", "203.0.113.1"))
    put(api, ingress("b.example.com", "203.0.113.2"))
    async with article(api, tmp_path, fallthrough=False) as server:
        await answered(server, "a.example.com", "203.0.113.1")
        await denied(server, "b.example.com")
        assert await server.ready()
        assert server.said.count("ingresses is forbidden") == 1
        assert server.said.count("does not serve httproutes") == 1
        api.forbidden.clear()
        await until(lambda: _has(server, "b.example.com", "203.0.113.2"), 10)


async def test_routes_through_a_gateway_of_another_namespace(api: FakeApi, tmp_path: Path) -> None:
    api.also_served |= GATEWAY_API
    put(api, gateway("203.0.113.1"))
    put(api, route("a.example.com", "*.apps.example.com"))
    async with article(api, tmp_path) as server:
        await answered(server, "a.example.com", "203.0.113.1")
        await answered(server, "x.apps.example.com", "203.0.113.1")
        put(api, gateway("203.0.113.2", "203.0.113.3"))
        await answered(server, "a.example.com", "203.0.113.2", "203.0.113.3")


async def test_what_is_known_is_served_while_the_api_is_away(api: FakeApi, tmp_path: Path) -> None:
    put(api, ingress(HOST, "203.0.113.10"))
    async with article(api, tmp_path) as server:
        await answered(server, HOST, "203.0.113.10")
        await api.stop()
        await server.says("what is known is kept")
        await answered(server, HOST, "203.0.113.10")
        put(api, ingress(HOST, "203.0.113.11"))
        await api.start()
        await until(lambda: _has(server, HOST, "203.0.113.11"), 10)


async def test_a_reload_keeps_names_without_a_gap(api: FakeApi, tmp_path: Path) -> None:
    put(api, ingress(HOST, "203.0.113.10"))
    async with article(api, tmp_path, fallthrough=False) as server:
        await answered(server, HOST, "203.0.113.10")
        before = len(api.lists("ingresses"))
        await server.reload(server.conf.read_text().replace("cache 30", "cache 20"))
        assert addresses(await ask(server.port, HOST)) == ["203.0.113.10"]
        assert len(api.lists("ingresses")) == before  # the watch was handed over
        await denied(server, "x.example.com")


async def _has(server: Server, name: str, address: str) -> bool:
    return addresses(await ask(server.port, name)) == [address]
