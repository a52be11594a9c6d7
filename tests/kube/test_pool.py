"""Who wants the same shares it, and a reload takes over."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator

import pytest

from resolver.errors import KubeError
from resolver.kube import pool
from resolver.kube.access import from_endpoint
from resolver.kube.kinds import ENDPOINT_SLICES, NAMESPACES, SERVICES
from tests.support.kubeapi.server import FakeApi
from tests.support.kubeapi.watching import Watching, name_of, port_of, service, until


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    found = Watching()
    yield found
    await found.end()


async def test_two_who_want_the_same_share_one_watch(api: FakeApi, watching: Watching) -> None:
    first, second = watching.watch(api.url), watching.watch(from_endpoint(f"{api.url}/"))
    assert first is second
    assert await first.wait_synced(10)
    await until(lambda: api.open_watches() == 1)
    assert (len(api.lists()), len(api.watches())) == (1, 1)


async def test_what_is_asked_for_differently_is_watched_separately(api: FakeApi, watching: Watching) -> None:
    watches = [
        watching.watch(api.url),
        watching.watch(api.url, SERVICES, name_of),
        watching.watch(api.url, labels="app=web"),
        watching.watch(api.url, namespace="prod"),
        watching.watch(from_endpoint(api.url).limited(qps=100)),
        watching.watch(api.url, NAMESPACES, name_of),
    ]
    assert len({id(watch) for watch in watches}) == 6
    for watch in watches:
        assert await watch.wait_synced(10)
    assert len(api.lists()) == 5


async def test_a_new_configuration_finds_the_old_ones_watch_synced(api: FakeApi, watching: Watching) -> None:
    api.store.apply("services", service("web"))
    old = watching.watch(api.url)
    assert await old.wait_synced(10)
    await watching.pool.release(watching.watches.pop())
    new = watching.watch(api.url)
    assert new is old
    assert new.synced
    watching.follow(new)
    assert watching.told == [("default/web", None, 80)]
    api.store.apply("services", service("web", port=81))
    await until(lambda: len(watching.told) == 2)
    assert (len(api.lists()), len(api.watches())) == (1, 1)


async def test_a_watch_lives_until_its_last_user_has_left_and_a_little_longer(
    api: FakeApi, watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "LINGER", 0.05)
    watch = watching.watch(api.url)
    watching.watch(api.url)
    await until(lambda: api.open_watches() == 1)
    await watching.pool.release(watch)
    await asyncio.sleep(0.1)
    assert api.open_watches() == 1
    await watching.pool.release(watch)
    assert api.open_watches() == 1
    await until(lambda: api.open_watches() == 0)
    watching.watches.clear()
    again = watching.watch(api.url)
    assert again is not watch
    assert await again.wait_synced(10)


async def test_everything_ends_at_once_when_the_process_ends(api: FakeApi, watching: Watching) -> None:
    before = asyncio.all_tasks()
    left = watching.watch(api.url, ENDPOINT_SLICES, name_of)
    watching.watch(api.url)
    await until(lambda: api.open_watches() == 1)
    await watching.pool.release(left)
    watching.watches.remove(left)
    await watching.end()
    names = {task.get_name() for task in asyncio.all_tasks() - before}
    assert not any(name.startswith("watch ") for name in names)
    await until(lambda: api.open_watches() == 0)


async def test_the_pool_is_shared_by_all_who_count_in_one_registry(watching: Watching) -> None:
    assert watching.pool is pool.pool_of(watching.world.host)
    assert watching.pool is not Watching().pool


async def test_metrics_tell_what_is_known(api: FakeApi, watching: Watching) -> None:
    api.store.apply("services", service("web"))
    watch = watching.watch(api.url)
    api.forbidden.add("endpointslices")
    refused = watching.watch(api.url, ENDPOINT_SLICES, name_of)
    assert await watch.wait_synced(10)
    await until(lambda: refused.problem)
    await until(lambda: api.open_watches() == 1)
    metric, host = watching.world.metric, api.url.removeprefix("http://")
    assert metric("coredns_kubernetes_objects", "services") == 1
    assert metric("coredns_kubernetes_synced", "services") == 1
    assert metric("coredns_kubernetes_synced", "endpointslices.discovery.k8s.io") == 0
    assert metric("coredns_kubernetes_rest_client_requests_total", "200", "GET", host) == 2
    assert metric("coredns_kubernetes_rest_client_requests_total", "403", "GET", host) >= 1
    families = {family.name: family for family in watching.world.host.registry.families()}
    duration = families["coredns_kubernetes_rest_client_request_duration_seconds"].cells["GET", host]
    assert sum(duration.counts) == len(api.requests)
    waits = families["coredns_kubernetes_rest_client_rate_limiter_duration_seconds"].cells["GET", host]
    assert sum(waits.counts) == len(api.requests)


async def test_a_request_without_an_answer_is_counted_as_an_error(watching: Watching, api: FakeApi) -> None:
    await api.stop()
    watch = watching.watch(api.url)
    await until(lambda: watch.problem)
    host = api.url.removeprefix("http://")
    assert watching.world.metric("coredns_kubernetes_rest_client_requests_total", "<error>", "GET", host) >= 1


async def test_only_so_many_requests_wait_for_their_answer(api: FakeApi, watching: Watching) -> None:
    api.hanging = True
    limited = from_endpoint(api.url).limited(max_inflight=2)
    for namespace in "abcd":
        watching.watch(limited, namespace=namespace)
    await until(lambda: len(api.requests) == 2)
    await asyncio.sleep(0.05)
    assert len(api.requests) == 2
    api.hanging = False
    await until(lambda: api.open_watches() == 4)


async def test_requests_are_held_back_to_the_rate(api: FakeApi, watching: Watching) -> None:
    limited = from_endpoint(api.url).limited(qps=20, burst=2)
    begin = asyncio.get_running_loop().time()
    watches = [watching.watch(limited, namespace=namespace) for namespace in "abcdef"]
    for watch in watches:
        assert await watch.wait_synced(10)
    assert asyncio.get_running_loop().time() - begin >= 0.19


async def test_a_missing_library_is_a_clear_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(name: str) -> None:
        raise ImportError("no", name="httpx2")

    monkeypatch.setattr(importlib, "import_module", nothing)
    with pytest.raises(KubeError, match=r"httpx2.*pip install 'k8s-resolver\[kubernetes\]'"):
        from_endpoint("http://127.0.0.1:1")


def test_the_parser_of_these_tests_is_one_function() -> None:
    assert port_of(service("a", port=5)) == 5
