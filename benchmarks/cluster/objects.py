"""Namespaces, Services and EndpointSlices as an API server sends them, as JSON and with the usual ballast.

Every fifth Service is headless. Service ``svcI`` is in namespace ``nsJ`` with J = I modulo NAMESPACES.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

NAMESPACES = 100
ZONE = "cluster.local"
PROBE = "probe"  # a headless Service with one endpoint, whose address says how often it was changed
PROBE_NAME = f"{PROBE}.ns0.svc.{ZONE}"

_UID = "6d6ad3f1-6a5f-4c3c-8a0b-0f5d8e4d1a77"

Object = dict[str, Any]


def namespace_of(service: int) -> str:
    return f"ns{service % NAMESPACES}"


def is_headless(service: int) -> bool:
    return service % 5 == 0


def address(block: int, number: int) -> str:
    """The address with that number in ``block``.0.0.0/8."""
    return f"{block}.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def service_names(services: int) -> Iterator[str]:
    return (f"svc{number}.{namespace_of(number)}.svc.{ZONE}" for number in range(services))


def endpoint_names(services: int, endpoints: int) -> Iterator[str]:
    """The name of every endpoint, no two from one Service after each other."""
    for place in range(endpoints):
        for number in range(services):
            dashed = address(10, number * endpoints + place).replace(".", "-")
            yield f"{dashed}.svc{number}.{namespace_of(number)}.svc.{ZONE}"


def namespace(number: int) -> Object:
    return {"metadata": _metadata(f"ns{number}", None), "spec": {"finalizers": ["kubernetes"]}}


def service(number: int) -> Object:
    return _service(f"svc{number}", namespace_of(number), "None" if is_headless(number) else address(172, number))


def slice_of(number: int, endpoints: int) -> Object:
    first = number * endpoints
    addresses = [address(10, first + place) for place in range(endpoints)]
    return endpoint_slice(f"svc{number}", namespace_of(number), addresses)


def probe() -> Object:
    return _service(PROBE, "ns0", "None")


def probe_slice(count: int) -> Object:
    return endpoint_slice(PROBE, "ns0", [address(11, count)])


def endpoint_slice(name: str, namespace: str, addresses: list[str]) -> Object:
    labels = {"kubernetes.io/service-name": name, "endpointslice.kubernetes.io/managed-by": "endpointslice-controller"}
    return {
        "addressType": "IPv4",
        "metadata": {**_metadata(f"{name}-x7k2p", namespace), "labels": labels, "generateName": f"{name}-"},
        "endpoints": [_endpoint(name, namespace, one) for one in addresses],
        "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
    }


def encode(item: Object) -> bytes:
    return json.dumps(item, separators=(",", ":")).encode()


def _service(name: str, namespace: str, cluster_ip: str) -> Object:
    spec = {
        "type": "ClusterIP",
        "clusterIP": cluster_ip,
        "clusterIPs": [cluster_ip],
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
        "sessionAffinity": "None",
        "selector": {"app.kubernetes.io/name": name},
        "ports": [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8080}],
    }
    return {"metadata": _metadata(name, namespace), "spec": spec, "status": {"loadBalancer": {}}}


def _endpoint(name: str, namespace: str, one: str) -> Object:
    pod = f"{name}-6d4cf56db6-{one.replace('.', '')}"
    return {
        "addresses": [one],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "nodeName": "node-a",
        "targetRef": {
            "kind": "Pod",
            "name": pod,
            "namespace": namespace,
            "uid": "2f9c8d3e-53a2-4a8e-9a55-6b0b4f7c1d2e",
        },
        "zone": "eu-1a",
    }


def _metadata(name: str, namespace: str | None) -> Object:
    fields = {"f:metadata": {"f:labels": {".": {}, "f:app.kubernetes.io/name": {}}}, "f:spec": {"f:ports": {}}}
    managed = {
        "manager": "kube-controller-manager",
        "operation": "Update",
        "apiVersion": "v1",
        "time": "2026-01-01T00:00:00Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    found: Object = {
        "name": name,
        "uid": _UID,
        "resourceVersion": "1",
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "labels": {"app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "bench"},
        "managedFields": [managed],
    }
    return found if namespace is None else {**found, "namespace": namespace}
