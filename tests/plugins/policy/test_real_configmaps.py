"""A real API server hands out the ConfigMaps that the directive asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from resolver.chain.capabilities import Identity
from resolver.plugins.policy import configmaps
from tests.plugins.chains import until
from tests.plugins.policy.scenes import Scene
from tests.support.kubeapi import real
from tests.support.kubeapi.real import RealApi

POD, FOREIGN = "10.1.0.5", "10.2.0.5"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealApi]:
    """A server with two namespaces."""
    if absent := real.missing():
        pytest.skip(f"no real API server: {' and '.join(absent)} not on PATH")
    with real.running(tmp_path_factory.mktemp("kube")) as api:
        for namespace in ("shop", "bank"):
            api.apply("/api/v1/namespaces", {"metadata": {"name": namespace}})
        yield api


def put(api: RealApi, namespace: str, name: str, text: str, *, labelled: bool = True) -> None:
    """A ConfigMap with rules."""
    labels = {"resolver.k8s/policy": ""} if labelled else {}
    item = {"metadata": {"name": name, "labels": labels}, "data": {"rules": text}}
    api.apply(f"/api/v1/namespaces/{namespace}/configmaps", item)


def scene_of(folder: Path, server: RealApi) -> Scene:
    """A policy that reads the ConfigMaps of the server."""
    config = server.kubeconfig(folder)
    lines = "default deny\nconfigmaps\ndelegate * .public.example"
    pods = {POD: Identity("shop", "web"), FOREIGN: Identity("bank", "web")}
    return Scene(f"kubernetes cluster.test {{\nkubeconfig {config}\n}}\npolicy {{\n{lines}\n}}", pods=pods)


async def passes(scene: Scene, name: str, client: str = POD) -> bool:
    """Whether the client gets what he asks for."""
    return (await scene.ask(name, client=client)).source == "forward"


async def test_config_maps_with_the_label_count_as_they_come_change_and_lose_it(
    server: RealApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configmaps, "AGAIN", 0.1)
    put(server, "shop", "first", "allow a.public.example")
    put(server, "shop", "plain", "allow b.public.example", labelled=False)
    scene = scene_of(tmp_path, server)
    policy = scene.part.scopes[0].policy
    await scene.part.start()
    try:
        assert await passes(scene, "a.public.example")
        assert not await passes(scene, "b.public.example")
        assert not await passes(scene, "a.public.example", FOREIGN)
        await asyncio.to_thread(put, server, "bank", "first", "allow c.public.example")
        await until(lambda: bool(policy.rules(("configmaps", "bank"))))
        await until(lambda: scene.part.scopes[0].state.count == 2)
        assert await passes(scene, "c.public.example", FOREIGN)
        await asyncio.to_thread(put, server, "shop", "first", "allow a.public.example", labelled=False)
        await until(lambda: scene.part.scopes[0].state.count == 1)
        assert not await passes(scene, "a.public.example")
    finally:
        scene.world.host.stopping = True
        await scene.part.stop()
