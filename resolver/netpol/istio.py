"""ServiceEntry and Sidecar of Istio: the mesh knows no other outside host than these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resolver.manifests.objects import document
from resolver.manifests.text import Document, Note
from resolver.netpol.grants import Grant, Pods
from resolver.netpol.writing import NAME, Rule, Workloads, host, is_host
from resolver.policy.patterns import Pattern, Reach

MOST_HOSTS = 256  # of a ServiceEntry

_API = "networking.istio.io/v1"
_PROTOCOLS = {443: "TLS", 80: "HTTP"}  # where the host can be told from what is sent

BYPASS = "a Pod that goes around its sidecar goes around this, too: have a NetworkPolicy that sends it through the mesh"


def write(workloads: Workloads) -> list[Document]:
    """For each namespace a Sidecar that closes the rest, and entries for names and for wildcards."""
    workloads.unsaid.append(BYPASS)
    ports = [_port(port) for port, protocol in workloads.ports if protocol == "TCP" and port in _PROTOCOLS]
    for port, protocol in workloads.ports:
        if protocol != "TCP" or port not in _PROTOCOLS:
            workloads.unsaid.append(
                f"port {port}/{protocol}: Istio tells hosts apart by TLS and HTTP alone, so it stays closed"
            )
    documents: list[Document] = []
    for namespace in workloads.grants.namespaces:
        documents.append(_sidecar(namespace))
        exact, wild = _hosts(workloads, namespace)
        documents += _entries(namespace, NAME, exact, ports, "DNS")
        documents += _entries(namespace, f"{NAME}-wildcards", wild, ports, "NONE")
    return documents


def _port(port: int) -> Rule:
    protocol = _PROTOCOLS[port]
    return {"number": port, "name": protocol.lower(), "protocol": protocol}


def _sidecar(namespace: str) -> Document:
    spec = {
        "outboundTrafficPolicy": {"mode": "REGISTRY_ONLY"},
        Note(
            "The services of the cluster, and the entries of this namespace and those that others export to it."
        ): None,
        "egress": [{"hosts": ["*/*"]}],
    }
    return document("Sidecar", _API, "default", namespace, spec=spec)


def _entries(
    namespace: str, name: str, hosts: Sequence[str], ports: Sequence[Rule], resolution: str
) -> Iterator[Document]:
    """As many entries as these hosts need; none where every port stays closed."""
    for start in range(0, len(hosts) if ports else 0, MOST_HOSTS):
        suffix = f"-{start // MOST_HOSTS + 1}" if start else ""
        yield _entry(namespace, f"{name}{suffix}", hosts[start : start + MOST_HOSTS], ports, resolution)


def _entry(namespace: str, name: str, hosts: Sequence[str], ports: Sequence[Rule], resolution: str) -> Document:
    spec = {
        "hosts": list(hosts),
        "exportTo": ["."],
        "location": "MESH_EXTERNAL",
        "resolution": resolution,
        "ports": list(ports),
    }
    return document("ServiceEntry", _API, name, namespace, spec=spec)


def _hosts(workloads: Workloads, namespace: str) -> tuple[list[str], list[str]]:
    hosts: list[str] = []
    for pods, found in workloads.grants.of(namespace).items():
        if pods != Pods(namespace):
            workloads.leave_out_pods(pods, "a ServiceEntry is for all Pods of a namespace")
        else:
            hosts = list(dict.fromkeys(_written(workloads, found)))
    return [name for name in hosts if "*" not in name], [name for name in hosts if "*" in name]


def _written(workloads: Workloads, grants: Sequence[Grant]) -> Iterator[str]:
    """A host as Istio has it, where ``*.`` stands for any number of labels."""
    for grant in grants:
        text = host(grant.pattern)
        if not is_host(text):
            workloads.leave_out(grant, "Istio has * in front of a name only, and for any number of labels")
            continue
        if grant.pattern.reach is not Reach.BELOW and not workloads.is_denied(grant):
            yield text
        if grant.pattern.reach is Reach.EXACT:
            continue
        below = Pattern(grant.pattern.key, Reach.BELOW)
        if denials := workloads.denials(grant, below):
            workloads.leave_out_wildcard(grant, below, denials)
        else:
            yield f"*.{text}"
