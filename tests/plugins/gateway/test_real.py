"""The same against a real API server, whose objects have been checked and completed by Kubernetes itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from resolver.kube import kinds
from resolver.kube.kinds import Kind
from tests.kube.conftest import definition
from tests.plugins.gateway.scripted import Json, balancer, gateway, ingress, node, route, service
from tests.runtime.clients import addresses, ask
from tests.runtime.serving import block, free_port, serving, until
from tests.support.kubeapi import real
from tests.support.kubeapi.real import ADMIN, CERTS, RealApi

SOON = 2.0  # seconds; the machine may be busy with the API server
DEFINED = {kinds.GATEWAYS: "Gateway", kinds.HTTP_ROUTES: "HTTPRoute", kinds.DNS_ENDPOINTS: "DNSEndpoint"}
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: test
contexts: [{name: test, context: {cluster: test, user: test}}]
clusters: [{name: test, cluster: {server: %s, certificate-authority: %s}}]
users: [{name: test, user: {token: %s}}]
"""


@pytest.mark.skipif(bool(real.missing()), reason=f"no real API server: {' and '.join(real.missing())} not on PATH")
async def test_objects_of_every_kind_are_served_as_they_come_and_change(tmp_path: Path) -> None:
    folder = tmp_path / "api"
    folder.mkdir()
    with real.running(folder) as api:
        await _play(api, tmp_path)


async def _play(api: RealApi, folder: Path) -> None:
    def put(kind: Kind, item: Json) -> None:
        status = item.pop("status", None)
        api.apply(kind.path("shop"), item)
        if status is not None:
            _set_status(api, kind, "shop", item["metadata"]["name"], status)

    for name in ("shop", "infra"):
        api.apply(kinds.NAMESPACES.path(), {"metadata": {"name": name}})
    await _define(api)
    put(kinds.INGRESSES, _complete(ingress("a.example.com", "203.0.113.1")))
    port = free_port()
    conf = folder / "kubeconfig"
    conf.write_text(KUBECONFIG % (api.url, CERTS / "ca.pem", ADMIN))
    options = (
        f"gateway example.com {{\n kubeconfig {conf}\n resources ingress service nodeport httproute dnsendpoint\n }}"
    )
    async with serving(folder, block(port, options, "cache 30"), port=port) as server:

        async def told(name: str, *wanted: str) -> None:
            await until(_sees(server.port, name, *wanted), SOON)

        await told("a.example.com", "203.0.113.1")
        await told("b.example.com")
        put(kinds.SERVICES, service("LoadBalancer", "b.example.com", "203.0.113.2", name="b"))
        await told("b.example.com", "203.0.113.2")
        _set_status(api, kinds.INGRESSES, "shop", "web", balancer("203.0.113.9"))
        await told("a.example.com", "203.0.113.9")
        put(kinds.NODES, node("n1", "10.0.0.1"))
        nodeport = service("NodePort", "n.example.com", name="n")
        nodeport["spec"]["ports"][0]["nodePort"] = 30081
        del nodeport["status"]
        put(kinds.SERVICES, nodeport)
        await told("n.example.com", "10.0.0.1")
        version = {"apiVersion": "gateway.networking.k8s.io/v1"}
        api.apply(kinds.GATEWAYS.path("infra"), gateway("203.0.113.3") | version)
        api.apply(kinds.HTTP_ROUTES.path("shop"), route("r.example.com") | version)
        await told("r.example.com", "203.0.113.3")
        api.apply(kinds.DNS_ENDPOINTS.path("shop"), _endpoint("d.example.com", "203.0.113.4"))
        await told("d.example.com", "203.0.113.4")
        api.delete(kinds.INGRESSES.path("shop"), "web")
        await told("a.example.com")


async def _define(api: RealApi) -> None:
    """Serve the kinds that are not Kubernetes' own."""
    for kind, singular in DEFINED.items():
        api.apply("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition(kind, singular))
    for kind in DEFINED:
        await until(lambda kind=kind: _is_served(api, kind))  # type: ignore[misc]


def _is_served(api: RealApi, kind: Kind) -> bool:
    return api.request("GET", kind.path(), right=(200, 404, 429)).status_code == 200


def _complete(item: Json) -> Json:
    """An Ingress that Kubernetes takes: its rule leads somewhere."""
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    for rule in item["spec"]["rules"]:
        rule["http"] = {"paths": [{"path": "/", "pathType": "Prefix", "backend": backend}]}
    return item


def _endpoint(name: str, address: str) -> Json:
    endpoints = [{"dnsName": name, "recordType": "A", "targets": [address], "recordTTL": 60}]
    return {
        "apiVersion": "externaldns.k8s.io/v1alpha1",
        "kind": "DNSEndpoint",
        "metadata": {"name": "d"},
        "spec": {"endpoints": endpoints},
    }


def _set_status(api: RealApi, kind: Kind, namespace: str, name: str, status: Json) -> None:
    path = f"{kind.path(namespace)}/{name}"
    api.request("PUT", f"{path}/status", api.request("GET", path).json() | {"status": status})


def _sees(port: int, name: str, *wanted: str) -> Callable[[], asyncio.Future[bool]]:
    async def same() -> bool:
        return sorted(addresses(await ask(port, name))) == sorted(wanted)

    return lambda: asyncio.ensure_future(same())
