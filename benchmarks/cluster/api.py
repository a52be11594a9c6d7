"""An API server for the benchmark: lists in pages, watches, and changes EndpointSlices at a rate when told to.

``python -m benchmarks.cluster.api PORT SERVICES ENDPOINTS``. ``GET /bench/change?rate=R&seconds=S`` begins to change
slices of Services in turn, and the probe's PROBES times a second; ``GET /bench/changes`` tells when which change of
the probe was sent, in seconds of the machine's monotonic clock.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from benchmarks.cluster import objects

PROBES = 20
_TICK = 0.005  # seconds between two batches of changes
_PAGE = 500
_NOT_SUPPORTED = 422


class Cluster:
    """The objects as octets by kind, who watches them, and what was changed when."""

    def __init__(self, services: int, endpoints: int) -> None:
        self.endpoints = endpoints
        self.version = 1000
        every = range(services)
        self.lists: dict[str, list[bytes]] = {
            "namespaces": [objects.encode(objects.namespace(number)) for number in range(objects.NAMESPACES)],
            "services": [objects.encode(objects.service(number)) for number in every]
            + [objects.encode(objects.probe())],
            "endpointslices": [objects.encode(objects.slice_of(number, endpoints)) for number in every]
            + [objects.encode(objects.probe_slice(0))],
        }
        self.watches: dict[str, set[asyncio.StreamWriter]] = {kind: set() for kind in self.lists}
        self.changes: list[tuple[int, float]] = []
        self.running: asyncio.Task[None] | None = None

    def page(self, kind: str, limit: int, start: int) -> bytes:
        """A list from ``start`` on; client-go asks in pages, or for everything at once with a limit of 0."""
        items = self.lists[kind]
        end = start + limit if limit else len(items)
        metadata = {"resourceVersion": str(self.version)} | ({"continue": str(end)} if end < len(items) else {})
        group = "discovery.k8s.io/v1" if kind == "endpointslices" else "v1"
        named = {"namespaces": "NamespaceList", "services": "ServiceList", "endpointslices": "EndpointSliceList"}
        head = json.dumps({"kind": named[kind], "apiVersion": group, "metadata": metadata})
        return head[:-1].encode() + b',"items":[' + b",".join(items[start:end]) + b"]}"

    async def change(self, rate: int, seconds: float) -> None:
        """``rate`` changes a second; each names a slice whose endpoints have moved."""
        services = len(self.lists["services"]) - 1
        began, done, probes = time.monotonic(), 0, len(self.changes)
        first_probe = probes
        while (elapsed := time.monotonic() - began) < seconds:
            due = int(elapsed * rate) - done
            if probes - first_probe < elapsed * PROBES:
                probes += 1
                self._send(objects.probe_slice(probes))
                self.changes.append((probes, time.monotonic()))
                due -= 1
            for number in range(done, done + max(0, due)):
                moved = objects.slice_of(number % services, self.endpoints)
                moved["endpoints"][0]["addresses"] = [objects.address(12, number & 0xFFFFFF)]
                self._send(moved)
            done += max(0, due)
            await asyncio.sleep(_TICK)

    def _send(self, item: objects.Object) -> None:
        self.version += 1
        item["metadata"]["resourceVersion"] = str(self.version)
        item |= {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1"}
        line = b'{"type":"MODIFIED","object":' + objects.encode(item) + b"}\n"
        for writer in list(self.watches["endpointslices"]):
            writer.write(b"%x\r\n%s\r\n" % (len(line), line))


async def _converse(cluster: Cluster, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            url = urlsplit(head.split(b" ", 2)[1].decode())
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            kind = url.path.rpartition("/")[2]
            if kind in cluster.lists and query.get("watch") in ("true", "1") and "sendInitialEvents" not in query:
                await _watch(cluster.watches[kind], reader, writer)
                break
            status, body = _answer(cluster, url.path, kind, query)
            writer.write(b"HTTP/1.1 %d -\r\nContent-Type: application/json\r\n" % status)
            writer.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    writer.close()


def _answer(cluster: Cluster, path: str, kind: str, query: dict[str, str]) -> tuple[int, bytes]:
    if path == "/bench/change":
        cluster.running = asyncio.ensure_future(cluster.change(int(query["rate"]), float(query["seconds"])))
        return 200, b"{}"
    if path == "/bench/changes":
        return 200, json.dumps(cluster.changes).encode()
    if path == "/version":
        return 200, b'{"major":"1","minor":"34","gitVersion":"v1.34.0"}'
    if kind not in cluster.lists:
        return 404, _status(404, "NotFound")
    if "watch" in query:  # streaming lists; clients then list in pages
        return _NOT_SUPPORTED, _status(_NOT_SUPPORTED, "Invalid")
    return 200, cluster.page(kind, int(query.get("limit", _PAGE)), int(query.get("continue", 0)))


def _status(code: int, reason: str) -> bytes:
    return json.dumps({"kind": "Status", "status": "Failure", "reason": reason, "code": code}).encode()


async def _watch(
    watches: set[asyncio.StreamWriter], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    watches.add(writer)
    try:
        await reader.read(1)  # ends when the client leaves
    finally:
        watches.discard(writer)


def _conversing(cluster: Cluster) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], asyncio.Future[None]]:
    return lambda reader, writer: asyncio.ensure_future(_converse(cluster, reader, writer))


async def _serve(port: int, services: int, endpoints: int) -> None:
    server = await asyncio.start_server(_conversing(Cluster(services, endpoints)), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
