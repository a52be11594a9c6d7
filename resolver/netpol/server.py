"""The NetworkPolicy of the server itself: in to its listeners, out to those it speaks with."""

from __future__ import annotations

import ipaddress
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import Any

from resolver.chain.capabilities import Called, offering
from resolver.chain.contacts import API
from resolver.manifests.objects import document, namespace_peer, to_api, to_cluster_dns
from resolver.manifests.pods import all_labels, labels
from resolver.manifests.settings import Settings
from resolver.manifests.text import Document, Note
from resolver.netpol.outgoing import CLUSTER_DNS, Outgoing, is_inside
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
_API_PORTS = (443, 6443)
_PROBES = ("/health", "/ready")

Rule = dict[str, Any]


def server_policy(
    plan: Plan,
    targets: Sequence[Outgoing],
    known: Mapping[str, Sequence[Found]],
    settings: Settings,
    api: Sequence[tuple[str, int]] = (),
) -> tuple[Document, list[str]]:
    """The policy, and what it leaves out.

    ``known`` has the addresses of host names, ``api`` addresses and ports of the API server (0 for both usual ones).
    """
    left_out: list[str] = []
    egress = [*_egress(targets, known, left_out), *_to_api(targets, api)]
    spec = {
        "podSelector": {"matchLabels": labels(settings)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": list(_ingress(plan)),
        "egress": egress,
    }
    group, name = "networking.k8s.io/v1", settings.name
    return document("NetworkPolicy", group, name, settings.namespace, all_labels(settings), spec=spec), left_out


def dns_ports(plan: Plan, labels: Container[str] | None = None) -> list[Rule]:
    """The ports that clients ask at, with their protocols; ``labels`` are those of the endpoints that count."""
    found = {
        (endpoint.port, protocol)
        for endpoint in plan.services
        if not _is_inside(endpoint.host) and (labels is None or endpoint.label in labels)
        for protocol in _IN[endpoint.scheme]
    }
    return [{"port": port, "protocol": protocol} for port, protocol in sorted(found)]


# --- in


def _ingress(plan: Plan) -> Iterator[Rule]:
    ports = dns_ports(plan)
    if ports:
        note = "Questions from every Pod. Clients outside of the cluster or on the network of a node need an ipBlock."
        yield {Note(note): None, "from": [{"namespaceSelector": {}}], "ports": ports}
    yield from _callers(plan)
    probed: set[int] = set()
    watched: set[int] = set()
    for endpoint in plan.http:
        if not _is_inside(endpoint.host):
            (probed if endpoint.path in _PROBES else watched).add(endpoint.port)
    if watched:
        yield {
            Note("Who watches over the server."): None,
            "from": [namespace_peer(_MONITORING)],
            "ports": _tcp(watched),
        }
    if probed:
        note = "Probes. They come from the node, which most networks let in anyway."
        yield {Note(note): None, "ports": _tcp(probed)}


def _callers(plan: Plan) -> Iterator[Rule]:
    """Rules for those who are no usual clients, one for each choice of ports."""
    groups: dict[tuple[tuple[int, str], ...], list[Any]] = {}
    for around in plan.blocks:
        listeners = dns_ports(plan, {site.server for site in around.sites})
        for part in offering(around.parts, Called):
            for caller in part.callers():
                if caller.port and _is_inside(caller.host):
                    continue
                ports = _tcp([caller.port]) if caller.port else listeners
                peer = block(caller.network) if caller.network else namespace_peer(_MONITORING)
                key = tuple((port["port"], port["protocol"]) for port in ports)
                groups.setdefault(key, []).extend((Note(caller.why), peer))
    for key, peers in groups.items():
        if key:
            yield {"from": _once(peers), "ports": [{"port": port, "protocol": protocol} for port, protocol in key]}


def _tcp(ports: Iterable[int]) -> list[Rule]:
    return [{"port": port, "protocol": "TCP"} for port in sorted(ports)]


# --- out


def _egress(targets: Sequence[Outgoing], known: Mapping[str, Sequence[Found]], left_out: list[str]) -> Iterator[Rule]:
    if any(target.host == CLUSTER_DNS for target in targets):
        yield to_cluster_dns()
    groups: dict[tuple[int, tuple[str, ...]], list[Any]] = {}
    for target in targets:
        if target.host not in (API, CLUSTER_DNS):
            peers = groups.setdefault((target.port, target.protocols), [])
            peers += _peers(target, known, left_out)
    for (port, protocols), peers in groups.items():
        if peers:
            yield {"to": _once(peers), "ports": [{"port": port, "protocol": protocol} for protocol in protocols]}


def _to_api(targets: Sequence[Outgoing], api: Sequence[tuple[str, int]]) -> Iterator[Rule]:
    """The API server, wherever it is where nobody says."""
    if not any(target.host == API for target in targets):
        return
    if not api:
        yield to_api()
    for number in dict.fromkeys(port for _, port in api):
        peers = [block(host) for host, port in api if port == number]
        yield {Note("The API server."): None, "to": peers, "ports": _tcp([number] if number else _API_PORTS)}


def _peers(target: Outgoing, known: Mapping[str, Sequence[Found]], left_out: list[str]) -> Iterator[Any]:
    """Peers, each behind a note on it."""
    if target.is_address:
        yield from (Note(target.why), block(target.host))
    elif target.namespace:
        yield Note(f"{target.why}: the Service {target.host}. The port has to be that of its Pods.")
        yield namespace_peer(target.namespace)
    elif found := known.get(target.host):
        for one in found:
            yield from (Note(f"{target.why}: {one}"), block(one.address))
    else:
        hint = "give --resolve, or write an address, or for a Service NAME.NAMESPACE.svc"
        left_out.append(f"{target.why}: {target.host} has no addresses here; {hint}")


def block(text: str) -> Rule:
    """The peer that is an address, or a network in CIDR form."""
    return {"ipBlock": {"cidr": str(ipaddress.ip_network(text.partition("%")[0]))}}


def _once(peers: Sequence[Any]) -> list[Any]:
    """Each peer with the first note on it."""
    kept: list[Any] = []
    for note, peer in zip(peers[::2], peers[1::2], strict=True):
        if peer not in kept:
            kept += [note, peer]
    return kept


def _is_inside(host: str) -> bool:
    return is_inside(host.partition("%")[0])
