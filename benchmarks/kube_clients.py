"""What Kubernetes clients for Python cost: ``python -m benchmarks.kube_clients [--services 10000] [--only ours,kr8s]``.

Each client that is installed runs in a process of its own, against the same local API (``benchmarks.kube_api``): the
time and memory that importing takes, then a list of all Services and EndpointSlices in pages of 500, then a watch that
brings changes as fast as they are taken. Of each object only the name and addresses are kept, as a name server would.
Install the ones to compare: ``pip install kr8s lightkube kubernetes_asyncio httpx aiohttp``.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

PAGE = 500
SERVICES_PATH = "/api/v1/services"
SLICES_PATH = "/apis/discovery.k8s.io/v1/endpointslices"
SYNCED = "1000000"
Kept = dict[str, tuple[str, ...]]
_MANY = 600.0  # seconds that one client may take


class Task(NamedTuple):
    """What a client is to do, and where it puts what it keeps."""

    url: str
    changes: int
    kept: Kept


class Client(NamedTuple):
    """A way to list and watch: the module that decides whether it is installed, and its two halves."""

    module: str
    list: Callable[[Task], Awaitable[None]]
    watch: Callable[[Task], Awaitable[None]]


def keep(kept: Kept, item: dict[str, Any]) -> None:
    """What a name server keeps of an object."""
    metadata = item["metadata"]
    key = f"{metadata['namespace']}/{metadata['name']}"
    if "spec" in item:
        kept[key] = tuple(item["spec"]["clusterIPs"])
    else:
        kept[key] = tuple(address for endpoint in item["endpoints"] for address in endpoint["addresses"])


async def take(task: Task, events: AsyncIterator[dict[str, Any]]) -> None:
    """Keep what the events bring until all have come."""
    count = 0
    async for item in events:
        keep(task.kept, item)
        count += 1
        if count >= task.changes:
            return


async def _pages(task: Task, get: Callable[[str, dict[str, str]], Awaitable[Any]]) -> None:
    """List both kinds page by page with a function that gets a page as a tree."""
    for path in (SERVICES_PATH, SLICES_PATH):
        more = ""
        while True:
            page = await get(f"{task.url}{path}", {"limit": str(PAGE)} | ({"continue": more} if more else {}))
            for item in page["items"]:
                keep(task.kept, item)
            more = page["metadata"].get("continue", "")
            if not more:
                break


async def _objects(pieces: AsyncIterator[bytes]) -> AsyncIterator[dict[str, Any]]:
    """The objects in the events of a watch, with the standard library."""
    rest = b""
    async for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield json.loads(line)["object"]


def _thin_httpx(name: str) -> Client:
    async def listing(task: Task) -> None:
        httpx: Any = importlib.import_module(name)
        async with httpx.AsyncClient(timeout=60) as client:

            async def get(url: str, query: dict[str, str]) -> Any:
                return (await client.get(url, params=query)).json()

            await _pages(task, get)

    async def watching(task: Task) -> None:
        httpx: Any = importlib.import_module(name)
        query = {"watch": "true", "resourceVersion": SYNCED}
        async with (
            httpx.AsyncClient(timeout=60) as client,
            client.stream("GET", task.url + SLICES_PATH, params=query) as answer,
        ):
            await take(task, _objects(answer.aiter_bytes()))

    return Client(name, listing, watching)


def _thin_aiohttp() -> Client:
    async def listing(task: Task) -> None:
        aiohttp: Any = importlib.import_module("aiohttp")
        async with aiohttp.ClientSession() as client:

            async def get(url: str, query: dict[str, str]) -> Any:
                async with client.get(url, params=query) as answer:
                    return await answer.json()

            await _pages(task, get)

    async def watching(task: Task) -> None:
        aiohttp: Any = importlib.import_module("aiohttp")
        query = {"watch": "true", "resourceVersion": SYNCED}
        async with aiohttp.ClientSession() as client, client.get(task.url + SLICES_PATH, params=query) as answer:
            await take(task, _objects(answer.content.iter_any()))

    return Client("aiohttp", listing, watching)


def _kr8s() -> Client:
    async def api(task: Task) -> Any:
        kr8s: Any = importlib.import_module("kr8s.asyncio")
        return await kr8s.api(url=task.url, kubeconfig=_kubeconfig(task.url))

    async def listing(task: Task) -> None:
        client = await api(task)
        for kind in ("services", "endpointslices.discovery.k8s.io"):
            async for item in client.async_get(kind, namespace="all", raw=True):
                keep(task.kept, item)

    async def watching(task: Task) -> None:
        client = await api(task)
        events = client.async_watch("endpointslices.discovery.k8s.io", namespace="all", since=SYNCED)
        await take(task, (item.raw async for _, item in events))

    return Client("kr8s", listing, watching)


def _lightkube() -> Client:
    def api(task: Task) -> Any:
        lightkube: Any = importlib.import_module("lightkube")
        models: Any = importlib.import_module("lightkube.config.models")
        config = lightkube.KubeConfig.from_one(cluster=models.Cluster(server=task.url), user=models.User())
        return lightkube.AsyncClient(config=config, namespace="default")

    def kinds() -> tuple[Any, Any]:
        core: Any = importlib.import_module("lightkube.resources.core_v1")
        discovery: Any = importlib.import_module("lightkube.resources.discovery_v1")
        return core.Service, discovery.EndpointSlice

    def tree(item: Any) -> dict[str, Any]:
        metadata = {"namespace": item.metadata.namespace, "name": item.metadata.name}
        if hasattr(item, "spec"):
            return {"metadata": metadata, "spec": {"clusterIPs": item.spec.clusterIPs}}
        return {"metadata": metadata, "endpoints": [{"addresses": one.addresses} for one in item.endpoints]}

    async def listing(task: Task) -> None:
        client = api(task)
        for kind in kinds():
            async for item in client.list(kind, namespace="*", chunk_size=PAGE):
                keep(task.kept, tree(item))

    async def watching(task: Task) -> None:
        events = api(task).watch(kinds()[1], namespace="*", resource_version=SYNCED)
        await take(task, (tree(item) async for _, item in events))

    return Client("lightkube", listing, watching)


def _kubernetes_asyncio() -> Client:
    def apis(task: Task) -> tuple[Any, Any, Any]:
        library: Any = importlib.import_module("kubernetes_asyncio")
        client = library.client.ApiClient(library.client.Configuration(host=task.url))
        return client, library.client.CoreV1Api(client), library.client.DiscoveryV1Api(client)

    async def listing(task: Task) -> None:
        client, core, discovery = apis(task)
        calls = {
            SERVICES_PATH: core.list_service_for_all_namespaces,
            SLICES_PATH: discovery.list_endpoint_slice_for_all_namespaces,
        }

        async def get(url: str, query: dict[str, str]) -> Any:
            more = {"_continue": query["continue"]} if "continue" in query else {}
            call = calls[url.removeprefix(task.url)]
            answer = await call(limit=PAGE, _preload_content=False, **more)
            return json.loads(await answer.read())

        async with client:
            await _pages(task, get)

    async def watching(task: Task) -> None:
        client, _, discovery = apis(task)
        library: Any = importlib.import_module("kubernetes_asyncio.watch")
        call = discovery.list_endpoint_slice_for_all_namespaces
        async with client, library.Watch().stream(call, resource_version=SYNCED) as events:
            await take(task, (event["raw_object"] async for event in events))

    return Client("kubernetes_asyncio", listing, watching)


def _ours() -> Client:
    def pool() -> Any:
        setup: Any = importlib.import_module("resolver.chain.setup")
        log: Any = importlib.import_module("resolver.telemetry.log")
        metrics: Any = importlib.import_module("resolver.telemetry.metrics")
        own: Any = importlib.import_module("resolver.kube.pool")
        return own.pool_of(setup.Host(time.monotonic, metrics.Registry(), log.Log(level="ERROR")))

    def parse(item: dict[str, Any]) -> tuple[str, ...]:
        one: Kept = {}
        keep(one, item)
        return next(iter(one.values()))

    def follow(task: Task, *plurals: str) -> list[Any]:
        kinds: Any = importlib.import_module("resolver.kube.kinds")
        access: Any = importlib.import_module("resolver.kube.access").from_endpoint(task.url)
        chosen = [kind for kind in (kinds.SERVICES, kinds.ENDPOINT_SLICES) if kind.plural in plurals]
        shared = pool()
        return [shared.watch(access, kind, parse) for kind in chosen]

    async def listing(task: Task) -> None:
        for watch in follow(task, "services", "endpointslices"):
            await watch.wait_synced(_MANY)

    async def watching(task: Task) -> None:
        """A watch is begun by a list; the clock starts when that is complete."""
        begin, count = 0.0, 0
        done = asyncio.get_running_loop().create_future()

        def synced() -> None:
            nonlocal begin
            begin = time.process_time()

        def changed(key: str, old: object, new: object) -> None:
            nonlocal count
            count += old is not None
            if count == task.changes:
                done.set_result(None)

        follow(task, "endpointslices")[0].follow(changed, synced)
        await done
        _mark["watch"] = time.process_time() - begin

    return Client("resolver.kube.client", listing, watching)


_mark: dict[str, float] = {}
CLIENTS: dict[str, Callable[[], Client]] = {
    "ours": _ours,
    "thin httpx2": lambda: _thin_httpx("httpx2"),
    "thin httpx": lambda: _thin_httpx("httpx"),
    "thin aiohttp": _thin_aiohttp,
    "lightkube": _lightkube,
    "kr8s": _kr8s,
    "kubernetes_asyncio": _kubernetes_asyncio,
}


def _kubeconfig(url: str) -> str:
    """A kubeconfig for those that must have one."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "b", "cluster": {"server": url}}],
        "users": [{"name": "b", "user": {}}],
        "contexts": [{"name": "b", "context": {"cluster": "b", "user": "b"}}],
        "current-context": "b",
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yaml", delete=False) as file:
        json.dump(config, file)
    return file.name


def _memory(field: str) -> float:
    """MiB of VmRSS or VmHWM."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    return 0.0


def _measure(name: str, task: Task) -> dict[str, float]:
    """In a process of its own: everything about one client."""
    client = CLIENTS[name]()
    figures = {"rss before": _memory("VmRSS")}
    begin = time.perf_counter()
    importlib.import_module(client.module)
    figures["import ms"] = (time.perf_counter() - begin) * 1000
    figures["import MiB"] = _memory("VmRSS") - figures.pop("rss before")
    wall, cpu = time.perf_counter(), time.process_time()
    asyncio.run(_bounded(client.list(task)))
    figures["list s"], figures["list CPU s"] = time.perf_counter() - wall, time.process_time() - cpu
    figures["peak MiB"], figures["after MiB"] = _memory("VmHWM"), _memory("VmRSS")
    cpu = time.process_time()
    asyncio.run(_bounded(client.watch(task)))
    figures["events/CPU s"] = task.changes / _mark.get("watch", time.process_time() - cpu)
    return figures


async def _bounded(work: Awaitable[None]) -> None:
    async with asyncio.timeout(_MANY):
        await work


def _run(name: str, url: str, changes: int) -> dict[str, float] | None:
    command = [sys.executable, "-m", "benchmarks.kube_clients", "--measure", name, "--url", url]
    done = subprocess.run([*command, "--changes", str(changes)], capture_output=True, text=True, timeout=2 * _MANY)
    if done.returncode:
        print(f"{name}: {(done.stderr.strip().splitlines() or ['failed'])[-1]}", file=sys.stderr)
        return None
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Measure the clients that are installed, one after the other, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=20_000)
    parser.add_argument("--only", default=",".join(CLIENTS))
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure(options.measure, Task(options.url, options.changes, {}))))
        return
    sizes = ["--services", str(options.services), "--changes", str(options.changes)]
    api = subprocess.Popen([sys.executable, "-m", "benchmarks.kube_api", *sizes], stdout=subprocess.PIPE, text=True)
    try:
        port = api.stdout.readline().strip() if api.stdout else ""
        rows = {name: _run(name, f"http://127.0.0.1:{port}", options.changes) for name in options.only.split(",")}
    finally:
        api.terminate()
        api.wait()
    _print(rows)


def _print(rows: dict[str, dict[str, float] | None]) -> None:
    columns = ("import ms", "import MiB", "list s", "list CPU s", "peak MiB", "after MiB", "events/CPU s")
    print(f"| client | {' | '.join(columns)} |")
    print(f"| --- |{' ---: |' * len(columns)}")
    for name, figures in rows.items():
        if figures:
            cells = (f"{figures[column]:,.{0 if figures[column] >= 20 else 1}f}" for column in columns)
            print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    os.environ.pop("KUBECONFIG", None)
    main()
