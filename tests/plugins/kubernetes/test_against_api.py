"""kubernetes: from an API on loopback to answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import yaml

from resolver.chain.finish import finish
from resolver.chain.setup import Block
from resolver.kube import pauses
from tests.plugins.chains import World, question, until
from tests.plugins.kubernetes.cluster import KINDS, Answer, read
from tests.support.kubeapi.server import FakeApi

SHOP = (Path(__file__).parent / "shop.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("FIRST", 0.01), ("MOST", 0.05), ("SLOW_FIRST", 0.02), ("SLOW_MOST", 0.05)):
        monkeypatch.setattr(pauses, name, seconds)


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    server = FakeApi()
    apply(server, SHOP)
    await server.start()
    yield server
    await server.stop()


def apply(api: FakeApi, text: str) -> None:
    for item in yaml.safe_load_all(text):
        api.store.apply(KINDS[item["kind"]].plural, item)


@asynccontextmanager
async def serving(
    api: FakeApi, options: str = "", *, before: str = "", wait: str = "5s"
) -> AsyncIterator[tuple[Block, World]]:
    """A running server block and its world; its parts are stopped as at the end of the process."""
    world = World()
    lines = f"endpoint {api.url}\nstartup_timeout {wait}\n{options}"
    block = world.build(f". {{\n{before}\nkubernetes cluster.local in-addr.arpa {{\n{lines}\n}}\n}}")
    for part in block.parts:
        await part.start()
    try:
        yield block, world
    finally:
        world.host.stopping = True
        for part in block.parts:
            await part.stop()


async def ask(block: Block, name: str, qtype: str = "A") -> Answer:
    query = question(name, qtype)
    return read(finish(query, await block.resolve(query)))


async def eventually(block: Block, name: str, answer: list[str]) -> None:
    """Wait until the addresses under a name are these."""
    for _ in range(1000):
        found = [line.split()[-1] for line in (await ask(block, name)).answer]
        if found == answer:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"{name} has {found}, not {answer}")


async def test_after_the_start_everything_is_known(api: FakeApi) -> None:
    async with serving(api, "pods verified") as (block, _):
        assert (await ask(block, "web.shop.svc.cluster.local")).rcode == "NOERROR"
        assert (await ask(block, "nope.shop.svc.cluster.local")).rcode == "NXDOMAIN"
        assert (await ask(block, "1-2-3-4.shop.pod.cluster.local")).rcode == "NXDOMAIN"
        for plural in ("services", "pods", "namespaces", "endpointslices"):
            await until(lambda plural=plural: api.open_watches(plural) == 1)  # type: ignore[misc]


async def test_changes_are_seen_at_once_behind_a_cache(api: FakeApi) -> None:
    async with serving(api, before="cache 3600") as (block, _):
        await eventually(block, "plain.shop.svc.cluster.local", ["10.96.1.2"])
        assert (await ask(block, "new.shop.svc.cluster.local")).rcode == "NXDOMAIN"
        apply(api, SHOP.replace("10.96.1.2", "10.96.7.7"))
        await eventually(block, "plain.shop.svc.cluster.local", ["10.96.7.7"])
        apply(api, "{kind: Service, metadata: {name: new, namespace: shop}, spec: {clusterIP: 10.96.8.8}}")
        await eventually(block, "new.shop.svc.cluster.local", ["10.96.8.8"])
        api.store.delete("services", "shop/new")
        await eventually(block, "new.shop.svc.cluster.local", [])


async def test_while_the_api_is_away_what_is_known_is_served(api: FakeApi) -> None:
    async with serving(api) as (block, _):
        await api.stop()
        await asyncio.sleep(0.02)
        assert (await ask(block, "web.shop.svc.cluster.local")).rcode == "NOERROR"
        apply(api, "{kind: Service, metadata: {name: late, namespace: shop}, spec: {clusterIP: 10.96.8.8}}")
        api.store.delete("services", "shop/plain")
        await api.start()
        await eventually(block, "late.shop.svc.cluster.local", ["10.96.8.8"])
        await eventually(block, "plain.shop.svc.cluster.local", [])


async def test_when_one_kind_is_forbidden_the_rest_is_served(api: FakeApi) -> None:
    api.forbidden.add("endpointslices")
    async with serving(api, wait="100ms") as (block, world):
        assert (await ask(block, "web.shop.svc.cluster.local")).rcode == "NOERROR"
        assert (await ask(block, "nope.shop.svc.cluster.local")).rcode == "NXDOMAIN"
        assert (await ask(block, "db.shop.svc.cluster.local")).rcode == "SERVFAIL"
        lines = [line for line in world.lines if "endpointslices" in line]
        assert any("forbidden" in line for line in lines)
        assert len(lines) <= 3
        api.forbidden.clear()
        await eventually(block, "db.shop.svc.cluster.local", ["10.244.2.1", "10.244.2.2"])
        await until(lambda: any("the cluster is known now" in line for line in world.lines))


async def test_without_the_api_the_start_takes_no_longer_than_asked(api: FakeApi) -> None:
    await api.stop()
    async with serving(api, wait="50ms") as (block, _):
        assert (await ask(block, "web.shop.svc.cluster.local")).rcode == "SERVFAIL"
        assert (await ask(block, "x.y.z.www.example.org.svc.cluster.local")).rcode == "NXDOMAIN"
        await api.start()
        await eventually(block, "web.shop.svc.cluster.local", ["10.96.1.1"])


async def test_malformed_objects_are_named_once_and_the_rest_is_served(api: FakeApi) -> None:
    apply(api, "{kind: Service, metadata: {name: half, namespace: shop}, spec: {clusterIPs: [10.96.9.9, ten]}}")
    apply(api, f"{{kind: Service, metadata: {{name: {'x' * 64}, namespace: shop}}, spec: {{clusterIP: 10.96.9.1}}}}")
    apply(api, "{kind: Service, metadata: {name: out, namespace: shop},"
               " spec: {type: ExternalName, externalName: 192.0.2.1}}")  # fmt: skip
    api.store.apply("services", {"metadata": {"name": "odd", "namespace": "shop"}, "spec": {"ports": "none"}})
    async with serving(api) as (block, world):
        assert (await ask(block, "half.shop.svc.cluster.local")).answer == [
            "half.shop.svc.cluster.local. 5 IN A 10.96.9.9"
        ]
        for name, rcode in (("web", "NOERROR"), ("odd", "NOERROR"), ("out", "NXDOMAIN")):
            assert (await ask(block, f"{name}.shop.svc.cluster.local")).rcode == rcode
        lines = [line for line in world.lines if "shop/" in line]
        assert len(lines) == 3
        assert any("shop/half: clusterIPs has 'ten', which is not an address; the rest" in line for line in lines)
        assert any("shop/out: externalName 192.0.2.1 is an address" in line for line in lines)
        assert any("63 octets" in line for line in lines)


async def test_a_cluster_without_service_imports_is_known_without_them(api: FakeApi) -> None:
    world = World()
    lines = f"endpoint {api.url}\nmulticluster set.local"
    block = world.build(f". {{\nkubernetes cluster.local set.local {{\n{lines}\n}}\n}}")
    await block.parts[0].start()
    assert (await ask(block, "web.shop.svc.set.local")).rcode == "NXDOMAIN"
    assert (await ask(block, "web.shop.svc.cluster.local")).rcode == "NOERROR"
    world.host.stopping = True
    await block.parts[0].stop()


async def test_two_blocks_share_their_watches(api: FakeApi) -> None:
    world = World()
    blocks = [
        world.build(f"{zone} {{\nkubernetes {{\nendpoint {api.url}\n{options}\n}}\n}}")
        for zone, options in (("a.test", ""), ("b.test", "ttl 30"))
    ]
    for block in blocks:
        await block.parts[0].start()
    assert len(api.lists("services")) == len(api.lists("endpointslices")) == 1
    assert (await ask(blocks[1], "web.shop.svc.b.test")).answer == ["web.shop.svc.b.test. 30 IN A 10.96.1.1"]
    world.host.stopping = True
    await blocks[0].parts[0].stop()
    apply(api, SHOP.replace("10.96.1.2", "10.96.7.7"))
    await eventually(blocks[1], "plain.shop.svc.b.test", ["10.96.7.7"])
    await blocks[1].parts[0].stop()
    await until(lambda: api.open_watches("services") == 0)
