"""A real API server selects Pods as the directive asks it to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.plugins.chains import World, until
from tests.plugins.identity.pods import Json, identifying, pod
from tests.support.kubeapi import real
from tests.support.kubeapi.real import RealApi

PODS = "/api/v1/namespaces/shop/pods"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealApi]:
    """A server with a namespace."""
    if absent := real.missing():
        pytest.skip(f"no real API server: {' and '.join(absent)} not on PATH")
    with real.running(tmp_path_factory.mktemp("kube")) as api:
        api.apply("/api/v1/namespaces", {"metadata": {"name": "shop"}})
        for item in (
            pod("web", "10.1.0.5", "fd00::5", node="one"),
            pod("far", "10.1.0.6", node="two"),
            pod("done", "10.1.0.5", node="one", phase="Succeeded"),
            pod("proxy", "10.0.0.1", node="one", host=True),
        ):
            put(api, item)
        yield api


def put(api: RealApi, item: Json) -> None:
    """A Pod with its status, as a kubelet would write it."""
    status = item["status"]
    status["hostIPs"] = [{"ip": status["hostIP"]}]
    spec = item["spec"] | {"containers": [{"name": "main", "image": "example.test/main"}]}
    spec["automountServiceAccountToken"] = False
    api.request("POST", PODS, item | {"spec": spec})
    name = item["metadata"]["name"]
    api.request("PUT", f"{PODS}/{name}/status", item | {"spec": spec, "status": status})


def access(folder: Path, server: RealApi) -> str:
    """Options that lead to the server."""
    return f"kubeconfig {server.kubeconfig(folder)}"


@pytest.mark.parametrize("scope", ["scope node one", "scope seen\nwait 300ms", "scope cluster"])
async def test_the_pod_that_runs_has_the_address(server: RealApi, tmp_path: Path, scope: str) -> None:
    async with identifying(World(), "", f"{access(tmp_path, server)}\n{scope}") as (part, _):
        found = await part.meet("10.1.0.5")
        assert found is not None
        assert (found.namespace, found.pod, found.node) == ("shop", "web", "one")
        assert await part.meet("10.0.0.1") is None
        far = await part.meet("10.1.0.6")
        assert (far is None) == (scope == "scope node one")


async def test_lookups_do_not_find_the_second_address_and_watches_do(server: RealApi, tmp_path: Path) -> None:
    options = access(tmp_path, server)
    async with identifying(World(), "", f"{options}\nscope seen\nwait 300ms") as (part, _):
        assert await part.meet("fd00::5") is None
    async with identifying(World(), "", f"{options}\nscope cluster") as (part, _):
        assert (await part.meet("fd00::5")) is not None


async def test_an_address_changes_hands(server: RealApi, tmp_path: Path) -> None:
    await asyncio.to_thread(put, server, pod("before", "10.1.0.9"))
    async with identifying(World(), "", f"{access(tmp_path, server)}\nscope cluster") as (part, _):
        told: list[str] = []
        part.subscribe(told.append)
        await asyncio.to_thread(server.request, "DELETE", f"{PODS}/before?gracePeriodSeconds=0", None, (200, 202))
        await until(lambda: part.identify("10.1.0.9") is None)
        await asyncio.to_thread(put, server, pod("after", "10.1.0.9"))
        await until(lambda: part.identify("10.1.0.9") is not None)
        assert told == ["10.1.0.9", "10.1.0.9"]
