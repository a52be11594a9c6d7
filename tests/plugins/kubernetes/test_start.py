"""kubernetes: from the start until everything is known, and the end."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from resolver.errors import ConfigError
from resolver.kube.kinds import ENDPOINT_SLICES, NAMESPACES, PODS, SERVICES, Kind
from resolver.kube.watch import Watch
from resolver.plugins.kubernetes import Kubernetes
from resolver.plugins.kubernetes.metrics import BUCKETS
from resolver.wire.constants import EDE_NOT_READY
from resolver.wire.edns import extended_error
from tests.plugins.chains import World, until
from tests.plugins.kubernetes.cluster import Cluster, running

SHOP = (Path(__file__).parent / "shop.yaml").read_text(encoding="utf-8")
_INIT = Watch.__init__
ALL = (SERVICES, NAMESPACES, ENDPOINT_SLICES)
PASSED_ON = 11
NAMES = {
    "web.shop.svc.cluster.local": "NOERROR",
    "db.shop.svc.cluster.local": "NOERROR",
    "nope.shop.svc.cluster.local": "NXDOMAIN",
    "web.nowhere.svc.cluster.local": "NXDOMAIN",
    "1.1.96.10.in-addr.arpa": "NOERROR",
    "1.2.244.10.in-addr.arpa": "NOERROR",
    "9.9.9.9.in-addr.arpa": "NXDOMAIN",
    "a.b.c.d.e.svc.cluster.local": "NXDOMAIN",
    "svc.cluster.local": "NOERROR",
}


async def rcodes(cluster: Cluster) -> dict[str, str]:
    return {name: await cluster.rcode(name, "PTR" if "arpa" in name else "A") for name in NAMES}


@pytest.mark.parametrize(
    ("missing", "failing"),
    [
        (ALL, 7),
        ((NAMESPACES,), 7),
        ((SERVICES,), 6),
        ((ENDPOINT_SLICES,), 3),
        ((), 0),
    ],
)
async def test_only_what_is_not_known_yet_fails(
    monkeypatch: pytest.MonkeyPatch, missing: tuple[Kind, ...], failing: int
) -> None:
    cluster = await running(monkeypatch, SHOP, unlisted=missing)
    found = await rcodes(cluster)
    assert {rcode for name, rcode in found.items() if rcode != NAMES[name]} <= {"SERVFAIL"}
    assert sum(rcode == "SERVFAIL" for rcode in found.values()) == failing
    assert cluster.part.is_ready() is (not missing)
    for kind in missing:
        cluster.pool.list(kind)
    assert await rcodes(cluster) == NAMES
    assert cluster.part.is_ready()


async def test_a_failure_says_what_is_missing_and_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, unlisted=ALL)
    reply = await cluster.reply("web.shop.svc.cluster.local")
    assert reply.replay is None
    assert (reply.rcode, reply.source, reply.error) == (2, "kubernetes", "")
    assert reply.options == extended_error(EDE_NOT_READY, "not listed yet: services, namespaces, endpointslices")


async def test_fallthrough_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "fallthrough in-addr.arpa", unlisted=ALL)
    assert (await cluster.reply("8.8.8.8.in-addr.arpa", "PTR")).rcode == PASSED_ON


async def test_pods_are_waited_for_where_they_are_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "pods verified", unlisted=(PODS,))
    assert await cluster.rcode("1-2-3-4.shop.pod.cluster.local") == "SERVFAIL"
    assert await cluster.rcode("web.shop.svc.cluster.local") == "NOERROR"
    assert not cluster.part.synced
    cluster.pool.list(PODS)
    assert await cluster.rcode("1-2-3-4.shop.pod.cluster.local") == "NXDOMAIN"


async def test_the_log_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Watch, "__init__", _refused)
    cluster = await running(monkeypatch, SHOP, unlisted=(SERVICES,))
    assert any("still missing: services (may not list)" in line for line in cluster.world.lines)


def _refused(watch: Watch[object]) -> None:
    _INIT(watch)
    watch.problem = "may not list"


async def test_the_log_says_what_is_missing_and_when_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, unlisted=ALL)
    lines = cluster.world.lines
    assert any("still missing: services, namespaces, endpointslices" in line for line in lines)
    for kind in ALL:
        cluster.pool.list(kind)
    assert "the cluster is known now" in cluster.world.lines[-1]


async def test_the_start_waits_until_everything_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resolver.plugins.kubernetes.handler._PATIENCE", 0)
    cluster = await running(monkeypatch, SHOP)
    cluster.pool.unlisted.add(SERVICES)
    part = cluster.world.build(
        "cluster.local {\n kubernetes {\n endpoint http://127.0.0.1:1\n startup_timeout 1m\n }\n}\n"
    ).parts[0]
    starting = asyncio.create_task(part.start())
    await until(lambda: any("waiting for the API of the cluster" in line for line in cluster.world.lines))
    assert not starting.done()
    cluster.pool.list(SERVICES)
    await asyncio.wait_for(starting, 5)
    assert isinstance(part, Kubernetes)
    assert part.synced


def other_block(cluster: Cluster, options: str) -> Kubernetes:
    lines = f"endpoint http://127.0.0.1:1\n{options}"
    part = cluster.world.build(f"cluster.local {{\n kubernetes {{\n{lines}\n }}\n}}\n").parts[0]
    assert isinstance(part, Kubernetes)
    return part


async def test_what_is_known_already_is_waited_for_however_long_the_api_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cluster = await running(monkeypatch, SHOP)
    monkeypatch.setattr("resolver.kube.watch.Slices", lambda: SimpleNamespace(over=True))
    part = other_block(cluster, "startup_timeout 0")
    kept = {given.kind: watch for given, watch, _ in cluster.pool.given}
    monkeypatch.setattr(cluster.pool, "watch", lambda access, kind, parse, **more: kept[kind])
    starting = asyncio.create_task(part.start())
    await asyncio.sleep(0)
    assert not part.is_ready()
    for _ in range(3):
        cluster.apply("{kind: Namespace, metadata: {name: late}}")  # a change in between is no harm
    monkeypatch.setattr("resolver.kube.watch.Slices", lambda: SimpleNamespace(over=False))
    await asyncio.wait_for(starting, 5)
    assert part.synced
    assert part.index.services == cluster.part.index.services
    assert part.index.exposed(b"late")


async def test_a_second_block_does_not_wait_for_the_same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    world = World(clock=lambda: now)
    cluster = await running(monkeypatch, SHOP, unlisted=ALL, world=world)
    kept = {given.kind: watch for given, watch, _ in cluster.pool.given}
    monkeypatch.setattr(cluster.pool, "watch", lambda access, kind, parse, **more: kept[kind])
    now = 106.0
    await asyncio.wait_for(other_block(cluster, "startup_timeout 5s").start(), 2)


async def test_a_few_namespaces_are_watched_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "namespaces shop other\npods verified")
    seen = {(given.kind.plural, given.namespace, given.fields) for given, _, _ in cluster.pool.given}
    phases = "status.phase!=Succeeded,status.phase!=Failed,status.phase!=Unknown"
    assert seen == {
        ("services", "shop", ""), ("services", "other", ""), ("endpointslices", "shop", ""),
        ("endpointslices", "other", ""), ("namespaces", "", "metadata.name=shop"),
        ("namespaces", "", "metadata.name=other"), ("pods", "", phases),
    }  # fmt: skip
    assert await cluster.rcode("web.shop.svc.cluster.local") == "NOERROR"
    assert await cluster.rcode("empty.svc.cluster.local") == "NXDOMAIN"


async def test_many_namespaces_are_watched_together(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "namespaces shop a b c d")
    assert {(given.namespace, given.fields) for given, _, _ in cluster.pool.given} == {("", "")}
    assert await cluster.rcode("web.shop.svc.cluster.local") == "NOERROR"
    assert await cluster.rcode("empty.svc.cluster.local") == "NXDOMAIN"


async def test_a_kind_is_missing_until_it_is_listed_in_all_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "namespaces shop other", unlisted=(SERVICES,))
    first, second = (watch for given, watch, _ in cluster.pool.given if given.kind == SERVICES)
    first.complete()
    assert await cluster.rcode("nope.shop.svc.cluster.local") == "SERVFAIL"
    second.complete()
    assert await cluster.rcode("nope.shop.svc.cluster.local") == "NXDOMAIN"


async def test_the_start_waits_no_longer_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    begin = time.monotonic()
    await running(monkeypatch, SHOP, unlisted=ALL)
    assert time.monotonic() - begin < 5


async def test_without_a_way_to_the_api_there_is_no_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    for option in ("", "kubeconfig /does/not/exist", "endpoint http://127.0.0.1:1\ntls /no/cert /no/key /no/ca"):
        part = World().part(f"cluster.local {{\n kubernetes {{\n{option}\n}}\n}}\n")
        with pytest.raises(ConfigError, match=r"Corefile:2:.*kubernetes: ") as caught:
            await part.start()
        assert caught.value.at is not None
        await part.stop()


async def test_the_end_gives_the_watches_back(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP)
    await cluster.part.stop()
    assert len(cluster.pool.released) == len(cluster.pool.given) == 3
    cluster.delete("Service", "shop/web")
    assert cluster.part.index.service(b"\3web\4shop") is not None


async def test_remarks_are_made_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP, "noendpoints\nignore empty_service")
    assert any("hides every service" in line for line in cluster.world.lines)


async def test_changes_of_endpoints_are_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = await running(monkeypatch, SHOP)
    name = "coredns_kubernetes_dns_programming_duration_seconds"

    def counted() -> dict[str, int]:
        family = next(family for family in cluster.world.host.registry.families() if family.name == name)
        return {kind: sum(cell.counts) for (kind,), cell in family.cells.items()}

    text = """
kind: EndpointSlice
metadata:
  name: {0}-1
  namespace: shop
  labels: {{kubernetes.io/service-name: {0}}}
  annotations: {{endpoints.kubernetes.io/last-change-trigger-time: "{1}"}}
endpoints: [{{addresses: [10.244.9.{2}]}}]
"""
    assert counted() == {"cluster_ip": 0, "headless_with_selector": 0}
    cluster.apply(text.format("web", "2024-01-01T00:00:00.123456789Z", 1))
    cluster.apply(text.format("web", "2024-01-01T00:00:00.123456789Z", 2))
    cluster.apply(text.format("db", "2024-01-01T00:00:01Z", 3))
    cluster.apply(text.format("nope", "2024-01-01T00:00:01Z", 4))
    cluster.apply(text.format("web", "yesterday", 5))
    assert counted() == {"cluster_ip": 1, "headless_with_selector": 1}


async def test_the_first_list_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    annotated = SHOP.replace(
        "metadata: {name: web-1,",
        "metadata: {annotations: {endpoints.kubernetes.io/last-change-trigger-time: '2024-01-01T00:00:00Z'},"
        " name: web-1,",
    )
    assert annotated != SHOP
    cluster = await running(monkeypatch, annotated)
    family = next(f for f in cluster.world.host.registry.families() if "programming" in f.name)
    assert family.bounds == BUCKETS
    assert sum(sum(cell.counts) for cell in family.cells.values()) == 0
