"""The NetworkPolicy of the server itself: in to its listeners, out to those it speaks with."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from resolver.manifests.objects import document, namespace_peer, to_api, to_cluster_dns
from resolver.manifests.pods import all_labels, labels
from resolver.manifests.settings import Settings
from resolver.manifests.text import Document, Note
from resolver.netpol.outgoing import API, CLUSTER_DNS, Outgoing
from resolver.netpol.resolving import Found
from resolver.runtime.plan import Plan

_IN = {
    "dns": ("UDP", "TCP"),
    "tls": ("TCP",),
    "https": ("TCP",),
    "grpc": ("TCP",),
    "quic": ("UDP",),
    "https3": ("UDP",),
}
_MONITORING = "monitoring"

Rule = dict[str, Any]


def server_policy(
    plan: Plan, targets: Sequence[Outgoing], known: Mapping[str, Sequence[Found]], settings: Settings
) -> tuple[Document, list[str]]:
    """The policy, and what it leaves out. ``known`` has the addresses of host names."""
    left_out: list[str] = []
    egress = list(_egress(targets, known, left_out))
    spec = {
        "podSelector": {"matchLabels": labels(settings)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": list(_ingress(plan)),
        "egress": egress,
    }
    api, name = "networking.k8s.io/v1", settings.name
    return document("NetworkPolicy", api, name, settings.namespace, all_labels(settings), spec=spec), left_out


def dns_ports(plan: Plan) -> list[Rule]:
    """The ports that clients ask at, with their protocols."""
    found = {
        (endpoint.port, protocol)
        for endpoint in plan.services
        if not _is_inside(endpoint.host)
        for protocol in _IN[endpoint.scheme]
    }
    return [{"port": port, "protocol": protocol} for port, protocol in sorted(found)]


def _ingress(plan: Plan) -> Iterator[Rule]:
    ports = dns_ports(plan)
    if ports:
        note = "Questions from every Pod. Clients outside of the cluster or on the network of a node need an ipBlock."
        yield {Note(note): None, "from": [{"namespaceSelector": {}}], "ports": ports}
    metrics: set[int] = set()
    others: set[int] = set()
    for endpoint in plan.http:
        if not _is_inside(endpoint.host):
            (metrics if endpoint.path == "/metrics" else others).add(endpoint.port)
    if metrics:
        yield {Note("Scrapes."): None, "from": [namespace_peer(_MONITORING)], "ports": _tcp(metrics)}
    if others - metrics:
        note = "Probes. They come from the node, which most networks let in anyway."
        yield {Note(note): None, "ports": _tcp(others - metrics)}


def _tcp(ports: Iterable[int]) -> list[Rule]:
    return [{"port": port, "protocol": "TCP"} for port in sorted(ports)]


def _egress(targets: Sequence[Outgoing], known: Mapping[str, Sequence[Found]], left_out: list[str]) -> Iterator[Rule]:
    if any(target.host == CLUSTER_DNS for target in targets):
        yield to_cluster_dns()
    groups: dict[tuple[int, tuple[str, ...]], list[Any]] = {}
    for target in targets:
        if target.host in (API, CLUSTER_DNS) or _is_inside(target.host):
            continue
        peers = groups.setdefault((target.port, target.protocols), [])
        if target.is_address:
            peers += [Note(target.why), block(target.host)]
        elif found := known.get(target.host):
            for one in found:
                peers += [Note(f"{target.why}: {one}"), block(one.address)]
        else:
            left_out.append(f"{target.why}: {target.host} has no addresses here; give --resolve, or write an address")
    for (port, protocols), peers in groups.items():
        if peers:
            yield {"to": _once(peers), "ports": [{"port": port, "protocol": protocol} for protocol in protocols]}
    if any(target.host == API for target in targets):
        yield to_api()


def block(address: str) -> Rule:
    """The peer that is this one address."""
    return {"ipBlock": {"cidr": str(ipaddress.ip_network(address))}}


def _once(peers: Sequence[Any]) -> list[Any]:
    """Each address with the first note on it."""
    kept: list[Any] = []
    for note, peer in zip(peers[::2], peers[1::2], strict=True):
        if peer not in kept:
            kept += [note, peer]
    return kept


def _is_inside(host: str) -> bool:
    """Whether this is the Pod itself, where no policy counts."""
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return host == "localhost"
