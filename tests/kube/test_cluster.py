"""What a list and watch does with a cluster that works: the same tests for the fake API and a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from resolver.kube import reflector
from resolver.kube.access import from_kubeconfig
from resolver.kube.kinds import CONFIG_MAPS, DNS_ENDPOINTS, NAMESPACES, SERVICES
from tests.kube.conftest import Cluster
from tests.support.kubeapi.real import ADMIN, CERTS, READER
from tests.support.kubeapi.store import Json
from tests.support.kubeapi.watching import Watching, name_of, service, until


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    found = Watching()
    yield found
    await found.end()


def config_map(name: str) -> Json:
    return {"metadata": {"name": name}, "data": {"some": "text"}}


async def test_objects_are_listed_in_pages_and_then_followed(
    cluster: Cluster, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "PAGE", 3)
    for number in range(8):
        await cluster.apply(SERVICES, service(f"old-{number}", port=8000 + number))
    watch = watching.watch(cluster.access, namespace=cluster.namespace)
    assert await watch.wait_synced(10)
    assert watch.objects == {f"{cluster.namespace}/old-{number}": 8000 + number for number in range(8)}
    watching.follow(watch)
    watching.told.clear()

    await cluster.apply(SERVICES, service("new", port=1))
    await until(lambda: f"{cluster.namespace}/new" in watch.objects)
    await cluster.apply(SERVICES, service("new", port=2))
    await until(lambda: watch.objects[f"{cluster.namespace}/new"] == 2)
    await cluster.delete(SERVICES, "old-0")
    await until(lambda: len(watch.objects) == 8)
    assert [(key.partition("/")[2], old, new) for key, old, new in watching.told] == [
        ("new", None, 1),
        ("new", 1, 2),
        ("old-0", 8000, None),
    ]


async def test_kinds_without_namespace_have_plain_keys(cluster: Cluster, watching: Watching) -> None:
    await cluster.apply(NAMESPACES, {"metadata": {"name": f"{cluster.namespace}-more"}})
    watch = watching.watch(cluster.access, NAMESPACES, name_of)
    await until(lambda: f"{cluster.namespace}-more" in watch.objects)


async def test_an_object_that_is_no_longer_selected_goes(cluster: Cluster, watching: Watching) -> None:
    await cluster.apply(SERVICES, service("in", labels={"app": "web", "tier": "one"}))
    await cluster.apply(SERVICES, service("out", labels={"app": "other"}))
    watch = watching.watch(cluster.access, namespace=cluster.namespace, labels="app=web")
    assert await watch.wait_synced(10)
    assert list(watch.objects) == [f"{cluster.namespace}/in"]
    await cluster.apply(SERVICES, service("in", labels={"app": "batch"}))
    await until(lambda: not watch.objects)
    await cluster.apply(SERVICES, service("out", labels={"app": "web"}))
    await until(lambda: list(watch.objects) == [f"{cluster.namespace}/out"])


async def test_fields_select_too(cluster: Cluster, watching: Watching) -> None:
    await cluster.apply(CONFIG_MAPS, config_map("wanted"))
    await cluster.apply(CONFIG_MAPS, config_map("other"))
    watch = watching.watch(
        cluster.access, CONFIG_MAPS, name_of, namespace=cluster.namespace, fields="metadata.name=wanted"
    )
    assert await watch.wait_synced(10)
    assert list(watch.objects.values()) == ["wanted"]


async def test_nothing_is_missed_where_one_watch_ends_and_the_next_begins(
    cluster: Cluster, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "WATCH_TIME", (1, 1))
    watch = watching.watch(cluster.access, namespace=cluster.namespace)
    assert await watch.wait_synced(10)
    watching.follow(watch)
    watches = watching.world.metric
    begun = watches("coredns_kubernetes_rest_client_requests_total", "200", "GET", cluster.access.host)
    for number in range(1, 61):
        await cluster.apply(SERVICES, service("changing", port=number))
    await until(lambda: watch.objects.get(f"{cluster.namespace}/changing") == 60)
    await until(
        lambda: watches("coredns_kubernetes_rest_client_requests_total", "200", "GET", cluster.access.host) > begun
    )
    assert [new for _, _, new in watching.told] == list(range(1, 61))
    assert watching.world.metric("coredns_kubernetes_relists_total", "services", "start") == 1


async def test_a_kind_that_is_not_installed_is_empty_and_found_later(cluster: Cluster, watching: Watching) -> None:
    kind = DNS_ENDPOINTS._replace(group=f"{cluster.namespace}.example.k8s.io")
    watch = watching.watch(cluster.access, kind, name_of)
    assert await watch.wait_synced(10)
    assert (watch.objects, watch.problem) == ({}, "")
    await cluster.install(kind, "DNSEndpoint")
    await until(lambda: any("answers now" in line for line in watching.world.lines), 30)
    await cluster.apply(
        kind, {"apiVersion": f"{kind.group}/v1alpha1", "kind": "DNSEndpoint", "metadata": {"name": "x"}}
    )
    await until(lambda: watch.objects == {f"{cluster.namespace}/x": "x"})
    assert sum("does not serve" in line for line in watching.world.lines) == 1


async def test_one_kind_that_is_refused_does_not_hold_up_the_others(cluster: Cluster, watching: Watching) -> None:
    if hasattr(cluster.server, "forbidden"):
        cluster.server.forbidden.update({"services", "configmaps"})
    await cluster.allow(CONFIG_MAPS)
    await cluster.apply(SERVICES, service("web"))
    access = replace(cluster.access, token=READER)
    refused = watching.watch(access)
    allowed = watching.watch(access, CONFIG_MAPS, name_of)
    assert await allowed.wait_synced(10)
    await until(lambda: refused.problem)
    assert refused.refused
    assert not refused.synced
    assert refused.problem.startswith("may not list services: 403 ")
    await cluster.allow(SERVICES)
    await until(lambda: refused.synced, 20)
    assert not refused.problem
    assert f"{cluster.namespace}/web" in refused.objects


async def test_a_token_is_read_again_when_it_is_refused(cluster: Cluster, watching: Watching, token_file: Path) -> None:
    token_file.write_text("expired\n")
    await cluster.apply(SERVICES, service("web"))
    watch = watching.watch(replace(cluster.access, token="", token_file=str(token_file)), namespace=cluster.namespace)
    await until(lambda: watch.problem)
    assert watch.problem.startswith(f"{cluster.access.server}: 401 ")
    token_file.write_text(f"{ADMIN}\n")
    await until(lambda: watch.synced)
    assert len(watch.objects) == 1
    assert not watch.problem


async def test_a_server_that_nobody_vouches_for_is_not_asked(cluster: Cluster, watching: Watching) -> None:
    watch = watching.watch(replace(cluster.access, ca_file=""))
    await until(lambda: watch.problem)
    assert "its certificate is not accepted: unable to get local issuer" in watch.problem
    assert not watch.synced
    if hasattr(cluster.server, "requests"):
        assert not cluster.server.requests


@pytest.mark.parametrize(("name", "works"), [("api.dns.test", True), ("elsewhere.test", False)])
async def test_the_name_in_the_certificate_can_be_told(
    cluster: Cluster, watching: Watching, name: str, works: bool
) -> None:
    watch = watching.watch(replace(cluster.access, server_name=name), namespace=cluster.namespace)
    await until(lambda: watch.synced or watch.problem)
    assert watch.synced is works
    assert works or "elsewhere.test" in watch.problem


async def test_a_kubeconfig_is_enough(cluster: Cluster, watching: Watching, tmp_path: Path) -> None:
    file = tmp_path / "config"
    file.write_text(
        f"""
        current-context: other
        clusters: [{{name: here, cluster: {{server: "{cluster.server.url}", certificate-authority: "{CERTS}/ca.pem"}}}}]
        users: [{{name: admin, user: {{token: {ADMIN}}}}}]
        contexts: [{{name: mine, context: {{cluster: here, user: admin}}}}]
        """
    )
    watch = watching.watch(from_kubeconfig(str(file), "mine"), NAMESPACES, name_of)
    assert await watch.wait_synced(10)
