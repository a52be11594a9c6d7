"""The fake API that the parity corpus brings is good enough a server too."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from resolver.kube.kinds import ENDPOINT_SLICES, HTTP_ROUTES
from resolver.kube.watch import Watch
from tests.support.kubeapi.real import free_ports
from tests.support.kubeapi.watching import Watching, name_of, service, until

PARITY = Path(__file__).resolve().parents[1] / "parity"


@pytest.fixture
def corpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, str]]:
    """The API and its address."""
    monkeypatch.syspath_prepend(str(PARITY))

    (port,) = free_ports(1)
    api = importlib.import_module("kubeapi.api").FakeKubeAPI(port, [service("web")])
    yield api, f"http://127.0.0.1:{port}"
    api.stop()
    for name in [name for name in sys.modules if name.partition(".")[0] == "kubeapi"]:
        del sys.modules[name]


async def test_lists_watches_and_faults(corpus: tuple[Any, str]) -> None:
    api, url = corpus
    watching = Watching()
    watch = watching.watch(url)
    others = [watching.watch(url, kind, name_of) for kind in (ENDPOINT_SLICES, HTTP_ROUTES)]
    for one in (watch, *others):
        assert await one.wait_synced(10)
    api.apply(service("new", port=81))
    await until(lambda: watch.objects.get("default/new") == 81)
    for number, word in enumerate(("drop-watches", "gone", "fail", "forbid", "hang")):
        api.control(word)
        api.control("work")
        api.apply(service("new", port=100 + number))
        await until(partial(_has, watch, 100 + number))
    api.control("stop-listening")
    await until(lambda: watch.problem)
    api.control("start-listening")
    api.delete("Service", "default/web")
    await until(lambda: list(watch.objects) == ["default/new"])
    await watching.end()


def _has(watch: Watch[int], port: int) -> bool:
    return watch.objects["default/new"] == port
