"""A cluster without an API: watches that a test fills with objects as the API would send them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

from resolver.kube import kinds
from resolver.kube.kinds import Kind
from resolver.kube.watch import Watch
from resolver.plugins.gateway import Gateway
from resolver.wire.constants import type_name
from resolver.wire.names import to_text
from tests.plugins.chains import World, nobody, question

Json = dict[str, Any]

KINDS = {
    "Service": kinds.SERVICES,
    "Ingress": kinds.INGRESSES,
    "Gateway": kinds.GATEWAYS,
    "HTTPRoute": kinds.HTTP_ROUTES,
    "GRPCRoute": kinds.GRPC_ROUTES,
    "TLSRoute": kinds.TLS_ROUTES,
    "DNSEndpoint": kinds.DNS_ENDPOINTS,
    "Node": kinds.NODES,
    "Namespace": kinds.NAMESPACES,
}


class Given(NamedTuple):
    """A watch as it was asked for."""

    kind: Kind
    namespace: str
    labels: str
    parse: Callable[[Json], Any]
    watch: Watch[Any]


class Pool:
    """Hands out watches that are complete at once, but for the kinds in ``missing`` and ``refused``."""

    def __init__(self) -> None:
        self.given: list[Given] = []
        self.released: list[Watch[Any]] = []
        self.missing: set[Kind] = set()
        self.refused: set[Kind] = set()

    def watch(
        self,
        access: object,
        kind: Kind,
        parse: Callable[[Json], Any],
        *,
        namespace: str = "",
        labels: str = "",
        speaker: str = "",
    ) -> Watch[Any]:
        watch: Watch[Any] = Watch()
        self.given.append(Given(kind, namespace, labels, parse, watch))
        if kind in self.refused:
            watch.refused, watch.problem = True, f"may not list {kind.label}"
        elif kind not in self.missing:
            watch.complete()
        return watch

    async def release(self, watch: Watch[Any]) -> None:
        self.released.append(watch)

    def put(self, kind: str, item: Json, *, gone: bool = False) -> None:
        """An object of a kind is there, another one or gone."""
        metadata = item["metadata"]
        namespace = metadata.get("namespace", "")
        key = f"{namespace}/{metadata['name']}" if namespace else metadata["name"]
        for one in self.given:
            if one.kind == KINDS[kind] and one.namespace in ("", namespace):
                one.watch.put(key, None if gone else one.parse(item))


class Scene:
    """The directive over such a cluster, started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *options: str, line: str = "gateway example.com") -> None:
        self.pool = Pool()
        monkeypatch.setattr("resolver.plugins.gateway.cluster.pool_of", lambda host: self.pool)
        self.world = World()
        lines = "\n".join(("endpoint http://127.0.0.1:1", "startup_timeout 0", *options))
        self.plugin: Gateway = self.world.part(f". {{\n {line} {{\n {lines}\n }}\n}}\n")

    async def answer(self, name: str, qtype: str = "A") -> list[str]:
        """The records that the directive answers with, sorted; the response code where there are none."""
        reply = await self.plugin.resolve(question(name, qtype, flags=0), nobody)
        if not reply.sections.answer:
            return [str(reply.rcode)]
        return sorted(f"{type_name(one.type)} {_rdata(one.type, one.rdata)}" for one in reply.sections.answer)


def _rdata(rtype: int, rdata: bytes) -> str:
    match type_name(rtype):
        case "A":
            return ".".join(map(str, rdata))
        case "CNAME":
            return to_text(rdata)
        case "SRV":
            return f"{int.from_bytes(rdata[4:6], 'big')} {to_text(rdata[6:])}"
    return rdata.hex()


def ingress(host: str, *addresses: str, name: str = "web", namespace: str = "shop", **spec: Any) -> Json:
    return {
        "kind": "Ingress",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"rules": [{"host": host}], **spec},
        "status": balancer(*addresses),
    }


def service(kind: str, host: str, *addresses: str, name: str = "web", namespace: str = "shop") -> Json:
    ports = [{"name": "http", "port": 80, "nodePort": 30080}]
    return {
        "kind": "Service",
        "metadata": {"namespace": namespace, "name": name, "annotations": {"resolver.k8s/hostname": host}},
        "spec": {"type": kind, "ports": ports},
        "status": balancer(*addresses),
    }


def balancer(*addresses: str) -> Json:
    return {"loadBalancer": {"ingress": [{"ip": address} for address in addresses]}}


def gateway(*addresses: str, hostname: str = "", allowed: Json | None = None, name: str = "edge") -> Json:
    listener = {"name": "web", "port": 80, "protocol": "HTTP", "hostname": hostname}
    listener["allowedRoutes"] = {"namespaces": allowed or {"from": "All"}}
    return {
        "kind": "Gateway",
        "metadata": {"namespace": "infra", "name": name},
        "spec": {"gatewayClassName": "one", "listeners": [listener]},
        "status": {"addresses": [{"value": address} for address in addresses]},
    }


def route(*hosts: str, to: str = "edge", namespace: str = "shop") -> Json:
    ref = {"namespace": "infra", "name": to}
    condition = {"type": "Accepted", "status": "True"}
    return {
        "kind": "HTTPRoute",
        "metadata": {"namespace": namespace, "name": "web"},
        "spec": {"hostnames": list(hosts), "parentRefs": [ref]},
        "status": {"parents": [{"parentRef": ref, "conditions": [condition]}]},
    }


def node(name: str, address: str, ready: str = "True") -> Json:
    return {
        "kind": "Node",
        "metadata": {"name": name},
        "status": {
            "conditions": [{"type": "Ready", "status": ready}],
            "addresses": [{"type": "InternalIP", "address": address}],
        },
    }
