"""A Kubernetes API that answers from ready-made octets: so little work that only the client is measured.

Lists of Services and EndpointSlices come in pages of what ``limit`` asks for; a watch sends the changes that the query
``changes`` of this program was started with, each as one HTTP chunk as the API does, and ends. Objects look like those
of a cluster, ``managedFields`` included.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

_BATCH = 32  # events written at once
_DISCOVERY = {
    "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "discovery.k8s.io",
                "versions": [{"groupVersion": "discovery.k8s.io/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "discovery.k8s.io/v1", "version": "v1"},
            }
        ],
    },
    "/api/v1": {
        "kind": "APIResourceList",
        "groupVersion": "v1",
        "resources": [
            {"name": "services", "singularName": "service", "namespaced": True, "kind": "Service", "verbs": ["list"]}
        ],
    },
    "/apis/discovery.k8s.io/v1": {
        "kind": "APIResourceList",
        "groupVersion": "discovery.k8s.io/v1",
        "resources": [
            {
                "name": "endpointslices",
                "singularName": "endpointslice",
                "namespaced": True,
                "kind": "EndpointSlice",
                "verbs": ["list", "watch"],
            }
        ],
    },
}


def metadata(name: str, number: int, **more: Any) -> dict[str, Any]:
    """What the API knows of every object."""
    fields: dict[str, Any] = {
        "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
        "f:spec": {"f:ports": {".": {}}, "f:type": {}},
    }
    managed = {"manager": "helm", "operation": "Update", "apiVersion": "v1", "time": "2026-01-02T03:04:05Z"}
    return {
        "name": name,
        "namespace": f"team-{number % 100}",
        "uid": f"6d3c1a9e-0b1e-4c0a-9f9d-{number:012d}",
        "resourceVersion": str(1000 + number),
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "labels": {"app": f"app-{number}", "app.kubernetes.io/managed-by": "Helm"},
        "managedFields": [managed | {"fieldsType": "FieldsV1", "fieldsV1": fields}],
        **more,
    }


def service(number: int) -> dict[str, Any]:
    """A Service with a cluster address and two ports."""
    address = f"10.{96 + number // 65536}.{number // 256 % 256}.{number % 256}"
    ports = [{"name": n, "protocol": "TCP", "port": p, "targetPort": n} for n, p in (("http", 80), ("metrics", 9090))]
    spec = {
        "type": "ClusterIP",
        "clusterIP": address,
        "clusterIPs": [address],
        "ports": ports,
        "selector": {"app": f"app-{number}"},
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "sessionAffinity": "None",
        "internalTrafficPolicy": "Cluster",
    }
    return {"metadata": metadata(f"app-{number}", number), "spec": spec, "status": {"loadBalancer": {}}}


def endpoint_slice(number: int, endpoints: int, turn: int = 0) -> dict[str, Any]:
    """An EndpointSlice with this many endpoints; ``turn`` makes it another one."""
    labels = {"kubernetes.io/service-name": f"app-{number}", "app": f"app-{number}"}
    return {
        "metadata": metadata(f"app-{number}-x7k2p", number) | {"labels": labels},
        "addressType": "IPv4",
        "endpoints": [
            {
                "addresses": [f"{10 + turn // 65536}.{turn // 256 % 256}.{turn % 256}.{index}"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": f"node-{index % 50}",
                "zone": "eu-1a",
                "targetRef": {
                    "kind": "Pod",
                    "namespace": f"team-{number % 100}",
                    "name": f"app-{number}-6c9f-{index:05d}",
                    "uid": f"0b1e6d3c-1a9e-4c0a-9f9d-{number:06d}{index:06d}",
                },
            }
            for index in range(endpoints)
        ],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


class Pages:
    """The pages of a list, made once and compressed once."""

    def __init__(self, kind: str, version: str, items: Sequence[dict[str, Any]]) -> None:
        self._head = {"kind": f"{kind}List", "apiVersion": version}
        self._items = [json.dumps(item, separators=(",", ":")) for item in items]
        self._made: dict[tuple[int, int, bool], bytes] = {}

    def answer(self, limit: int, begin: int, compressed: bool) -> bytes:
        """The HTTP answer with the objects from ``begin`` on."""
        key = (limit, begin, compressed)
        if key not in self._made:
            end = begin + limit if limit else len(self._items)
            more = str(end) if end < len(self._items) else ""
            head = json.dumps(self._head | {"metadata": {"resourceVersion": "1000000", "continue": more}})
            body = f'{head[:-1]},"items":[{",".join(self._items[begin:end])}]}}'.encode()
            self._made[key] = answer(gzip.compress(body, 1) if compressed else body, compressed)
        return self._made[key]


def answer(body: bytes, compressed: bool = False) -> bytes:
    """An HTTP answer that carries JSON."""
    coding = "Content-Encoding: gzip\r\n" if compressed else ""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{coding}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Api:
    """The server."""

    def __init__(self, services: int, endpoints: int, changes: int) -> None:
        self._lists = {
            "services": Pages("Service", "v1", [service(number) for number in range(services)]),
            "endpointslices": Pages(
                "EndpointSlice",
                "discovery.k8s.io/v1",
                [endpoint_slice(number, endpoints) for number in range(services)],
            ),
        }
        self._changes = [_chunk(number % services, number, endpoints) for number in range(changes)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while request := await reader.readuntil(b"\r\n\r\n"):
                url = urlsplit(request.split(b" ", 2)[1].decode())
                query = {name: values[0] for name, values in parse_qs(url.query).items()}
                if query.get("watch", "").lower() in ("true", "1"):
                    await self._watch(writer, query.get("resourceVersion", ""))
                else:
                    writer.write(self._answer(url.path, query, b"gzip" in request))
                    await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, path: str, query: dict[str, str], compressed: bool) -> bytes:
        pages = self._lists.get(path.rpartition("/")[2])
        if pages is None:
            return answer(json.dumps(_DISCOVERY.get(path.rstrip("/"), {})).encode())
        return pages.answer(int(query.get("limit", "0")), int(query.get("continue", "0")), compressed)

    async def _watch(self, writer: asyncio.StreamWriter, version: str) -> None:
        """All changes once; a watch that begins behind them stays silent."""
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        if version == "1000000":
            for begin in range(0, len(self._changes), _BATCH):
                writer.write(b"".join(self._changes[begin : begin + _BATCH]))
                await writer.drain()
        await asyncio.sleep(3600)


def _chunk(number: int, turn: int, endpoints: int) -> bytes:
    item = endpoint_slice(number, endpoints, turn + 1)
    item["metadata"]["resourceVersion"] = str(1_000_001 + turn)
    head = {"kind": "EndpointSlice", "apiVersion": "discovery.k8s.io/v1"}
    line = json.dumps({"type": "MODIFIED", "object": head | item}, separators=(",", ":")).encode() + b"\n"
    return b"%x\r\n%s\r\n" % (len(line), line)


async def _main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--services", type=int, default=10_000)
    parser.add_argument("--endpoints", type=int, default=10)
    parser.add_argument("--changes", type=int, default=20_000)
    options = parser.parse_args()
    api = Api(options.services, options.endpoints, options.changes)
    server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main())
