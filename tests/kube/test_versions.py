"""Kinds that clusters serve in different versions."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from resolver.kube.kinds import TLS_ROUTES
from tests.support.kubeapi.server import SERVED, FakeApi
from tests.support.kubeapi.watching import Watching, name_of, until


@pytest.fixture
async def watching() -> AsyncIterator[Watching]:
    found = Watching()
    yield found
    await found.end()


@pytest.mark.parametrize("version", ["v1", "v1alpha3", "v1alpha2"])
async def test_a_kind_is_found_in_the_version_that_the_cluster_has(
    api: FakeApi, watching: Watching, version: str
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SERVED, f"/apis/gateway.networking.k8s.io/{version}", {"tlsroutes"})
        api.store.apply("tlsroutes", {"metadata": {"name": "one", "namespace": "default"}})
        watch = watching.watch(api.url, TLS_ROUTES, name_of)
        assert await watch.wait_synced(10)
        assert list(watch.objects) == ["default/one"]
        await until(lambda: api.open_watches("tlsroutes") == 1)
        api.store.apply("tlsroutes", {"metadata": {"name": "two", "namespace": "default"}})
        await until(lambda: len(watch.objects) == 2)
        versions = {request.path.split("/")[3] for request in api.watches("tlsroutes")}
    assert versions == {version}


async def test_a_version_that_is_no_longer_served_is_left_for_another(api: FakeApi, watching: Watching) -> None:
    root = "/apis/gateway.networking.k8s.io/"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(SERVED, f"{root}v1alpha2", {"tlsroutes"})
        api.store.apply("tlsroutes", {"metadata": {"name": "one", "namespace": "default"}})
        watch = watching.watch(api.url, TLS_ROUTES, name_of)
        assert await watch.wait_synced(10)
        watching.follow(watch)
        watching.told.clear()
        patch.setitem(SERVED, f"{root}v1", {"tlsroutes"})
        patch.setitem(SERVED, f"{root}v1alpha2", set())
        api.cut()
        await until(lambda: any(request.path.startswith(f"{root}v1/") for request in api.watches("tlsroutes")))
        assert list(watch.objects) == ["default/one"]
        assert watching.told == []
