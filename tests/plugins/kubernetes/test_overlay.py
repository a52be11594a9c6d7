"""kubernetes and k8s_external over other data: a name that comes to exist is seen at once, whoever kept an answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from resolver.wire.names import from_text
from tests.plugins.kubernetes.cluster import KINDS, running
from tests.runtime.clients import addresses, ask
from tests.runtime.serving import Server, block, free_port, serving, until
from tests.support.kubeapi.server import FakeApi
from tests.support.upstreams import Upstream, answers

SHOP = "{kind: Namespace, metadata: {name: shop}}"
WEB = "{kind: Service, metadata: {name: web, namespace: shop}, spec: {clusterIP: 10.96.1.1, ports: [{port: 80}]}}"
OUTSIDE = "192.0.2.200"
SOON = 1.0  # seconds within which a change of the cluster must be seen


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    server = FakeApi()
    put(server, SHOP)
    await server.start()
    yield server
    await server.stop()


def put(api: FakeApi, text: str) -> None:
    item = yaml.safe_load(text)
    api.store.apply(KINDS[item["kind"]].plural, item)


def external(target: str) -> str:
    spec = f"{{type: ExternalName, externalName: {target}}}"
    return f"{{kind: Service, metadata: {{name: out, namespace: shop}}, spec: {spec}}}"


@asynccontextmanager
async def served(api: FakeApi, folder: Path, *options: str, more: str = "") -> AsyncIterator[Server]:
    """A server with a cache in front of the cluster, and an upstream behind it that has one address for all names."""
    port, http = free_port(), free_port()
    async with Upstream(answers(OUTSIDE, ttl=300)) as upstream:
        lines = [
            "kubernetes cluster.local in-addr.arpa {",
            f"  endpoint {api.url}",
            *options,
            "}",
            more,
            f"forward . {upstream.to}",
            "cache 30",
        ]
        async with serving(folder, block(port, *lines, http=http), port=port, http=http) as server:
            yield server


async def told(server: Server, name: str, *wanted: str) -> None:
    """Wait until the addresses of a name are these, which must be soon; then ask until the answer is replayed."""

    async def same() -> bool:
        return sorted(addresses(await ask(server.port, name))) == sorted(wanted)

    await until(same, SOON)
    for _ in range(3):
        await ask(server.port, name)


async def test_a_service_is_seen_that_was_passed_on_before(api: FakeApi, tmp_path: Path) -> None:
    async with served(api, tmp_path, "fallthrough") as server:
        await told(server, "web.shop.svc.cluster.local", OUTSIDE)
        put(api, WEB)
        await told(server, "web.shop.svc.cluster.local", "10.96.1.1")
        api.store.delete("services", "shop/web")
        await told(server, "web.shop.svc.cluster.local", OUTSIDE)


async def test_another_target_of_an_external_name_is_seen(api: FakeApi, tmp_path: Path) -> None:
    put(api, external("a.example.com"))
    async with served(api, tmp_path) as server:
        for target in ("a.example.com", "b.example.com", "c.example.com"):
            put(api, external(target))

            async def leads_there(target: str = target) -> bool:
                reply = await ask(server.port, "out.shop.svc.cluster.local")
                return addresses(reply) == [OUTSIDE] and reply.sections().answer[0].rdata == from_text(target)

            await until(leads_there, SOON)
            for _ in range(3):
                await leads_there()
        put(api, WEB.replace("web", "out"))
        await told(server, "out.shop.svc.cluster.local", "10.96.1.1")


async def test_an_external_address_is_seen_that_was_passed_on_before(api: FakeApi, tmp_path: Path) -> None:
    async with served(api, tmp_path, more="k8s_external example.org {\n fallthrough\n}") as server:
        put(api, WEB)
        await told(server, "web.shop.example.org", OUTSIDE)
        put(api, WEB.replace("clusterIP:", "externalIPs: [203.0.113.7], clusterIP:"))
        await told(server, "web.shop.example.org", "203.0.113.7")
        put(api, WEB)
        await told(server, "web.shop.example.org", OUTSIDE)


async def test_only_names_that_fall_through_are_claimed(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, f"{SHOP}\n---\n{WEB}", "fallthrough in-addr.arpa")
    wire = {
        name: from_text(name)
        for name in ("1.1.96.10.in-addr.arpa", "2.1.96.10.in-addr.arpa", "web.shop.svc.cluster.local")
    }
    assert [cluster.part.claims(name) for name in wire.values()] == [True, False, False]
    tags = [cluster.part.overlay_tags(name) for name in wire.values()]
    assert tags[2] == ()
    cluster.apply(WEB.replace("web", "other").replace("10.96.1.1", "10.96.1.2"))
    assert set(tags[1]) & cluster.withdrawn()
    assert cluster.part.claims(wire["2.1.96.10.in-addr.arpa"])
