"""The objects around the Pods: Services, Deployments, budgets, accounts, roles and network policies."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from resolver.manifests.pods import POD_PORTS, Mapped, all_labels, labels
from resolver.manifests.settings import Settings, upstream_address
from resolver.manifests.text import Document, Note

BOTH = "Both protocols: an answer that does not fit into a datagram comes over TCP."


def document(
    kind: str, api: str, name: str, namespace: str = "", marks: Mapping[str, str] | None = None, **rest: Any
) -> Document:
    """An object with its metadata."""
    metadata: Mapped = {"name": name}
    if namespace:
        metadata["namespace"] = namespace
    if marks:
        metadata["labels"] = dict(marks)
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **rest}


def namespace(settings: Settings) -> Document:
    """A namespace whose Pods must be as hardened as ours are."""
    marks = {"pod-security.kubernetes.io/enforce": "restricted"}
    return document("Namespace", "v1", settings.namespace, marks=marks)


def critical_quota(settings: Settings) -> Document:
    """Leave for the priority of cluster services, which some clusters give only together with a quota."""
    selector = {
        "scopeName": "PriorityClass",
        "operator": "In",
        "values": ["system-cluster-critical", "system-node-critical"],
    }
    spec = {"hard": {"pods": "100"}, "scopeSelector": {"matchExpressions": [selector]}}
    return document("ResourceQuota", "v1", "critical-pods", settings.namespace, all_labels(settings), spec=spec)


def account(settings: Settings, *, with_token: bool = False) -> Document:
    """The Pods' identity; without access to the API it gets no token."""
    rest = {} if with_token else {"automountServiceAccountToken": False}
    return document("ServiceAccount", "v1", settings.name, settings.namespace, all_labels(settings), **rest)


def deployment(settings: Settings, template: Document, component: str = "") -> Document:
    """Replicas that are replaced one by one, the new one first."""
    spec = {
        "replicas": settings.replicas,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "selector": {"matchLabels": labels(settings)},
        "template": template,
    }
    name = component or settings.name
    return document("Deployment", "apps/v1", name, settings.namespace, all_labels(settings), spec=spec)


def budget(settings: Settings) -> Document:
    """One replica at a time may be evicted, and one that is broken at any time."""
    spec = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": labels(settings)},
    }
    return document(
        "PodDisruptionBudget", "policy/v1", settings.name, settings.namespace, all_labels(settings), spec=spec
    )


def dns_ports() -> list[Mapped]:
    """The ports of a Service for DNS."""
    return [
        {"name": "dns", "port": 53, "protocol": "UDP", "targetPort": "dns"},
        {"name": "dns-tcp", "port": 53, "protocol": "TCP", "targetPort": "dns-tcp"},
    ]


def cluster_addresses(addresses: Sequence[str]) -> Mapped:
    """The fixed addresses of a Service, of one family or of both."""
    families = [f"IPv{ipaddress.ip_address(address).version}" for address in addresses]
    return {
        "clusterIP": addresses[0],
        "clusterIPs": list(addresses),
        "ipFamilies": families,
        "ipFamilyPolicy": "RequireDualStack" if len(families) > 1 else "SingleStack",
    }


def role(settings: Settings, rules: Sequence[Mapped]) -> list[Document]:
    """What the server reads of the API, in every namespace."""
    name = f"{settings.namespace}:{settings.name}"
    marks = all_labels(settings)
    subject = {"kind": "ServiceAccount", "name": settings.name, "namespace": settings.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    api = "rbac.authorization.k8s.io/v1"
    return [
        document("ClusterRole", api, name, marks=marks, rules=list(rules)),
        document("ClusterRoleBinding", api, name, marks=marks, roleRef=reference, subjects=[subject]),
    ]


def role_in(settings: Settings, where: str, rules: Sequence[Mapped]) -> list[Document]:
    """What the server reads of the API, in one namespace alone."""
    marks, api = all_labels(settings), "rbac.authorization.k8s.io/v1"
    subject = {"kind": "ServiceAccount", "name": settings.name, "namespace": settings.namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": settings.name}
    return [
        document("Role", api, settings.name, where, marks, rules=list(rules)),
        document("RoleBinding", api, settings.name, where, marks, roleRef=reference, subjects=[subject]),
    ]


def reads(group: str, *resources: str) -> Mapped:
    """Leave to list and watch, which is all that the server ever does."""
    return {"apiGroups": [group], "resources": list(resources), "verbs": ["list", "watch"]}


SERVICES = (reads("", "services", "namespaces"), reads("discovery.k8s.io", "endpointslices"))
INGRESSES = (reads("networking.k8s.io", "ingresses"),)


def policy(settings: Settings, egress: Sequence[Mapped]) -> Document:
    """Questions come in from every Pod, scrapes from the namespace of the monitoring; out goes what is needed."""
    spec = {
        "podSelector": {"matchLabels": labels(settings)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                Note(f"From everywhere in the cluster. {BOTH}"): None,
                "ports": both(53),
            },
            {
                "from": [namespace_peer("monitoring")],
                "ports": [{"port": POD_PORTS.metrics, "protocol": "TCP"}],
            },
        ],
        "egress": list(egress),
    }
    return document(
        "NetworkPolicy", "networking.k8s.io/v1", settings.name, settings.namespace, all_labels(settings), spec=spec
    )


def both(port: int) -> list[Mapped]:
    """A port over UDP and TCP."""
    return [{"port": port, "protocol": "UDP"}, {"port": port, "protocol": "TCP"}]


def namespace_peer(name: str) -> Mapped:
    """All Pods of a namespace."""
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def to_upstreams(upstreams: Sequence[str]) -> list[Mapped]:
    """Egress to the upstreams alone, each on its own port."""
    ports: dict[int, list[str]] = {}
    for upstream in upstreams:
        place = upstream_address(upstream)
        if place is not None:
            ports.setdefault(place[1], []).append(place[0])
    return [
        {
            "to": [{"ipBlock": {"cidr": one_address(address)}} for address in addresses],
            "ports": [{"port": port, "protocol": "TCP"}] if port == 853 else both(port),
        }
        for port, addresses in ports.items()
    ]


def to_cluster_dns() -> Mapped:
    """Egress to the DNS of the cluster, by the label that its Pods have in every distribution."""
    pods = {"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
    return {
        Note(BOTH): None,
        "to": [
            {**namespace_peer("kube-system"), **pods},
            Note("A cache on the node, where there is one."),
            {"ipBlock": {"cidr": "169.254.20.10/32"}},
        ],
        "ports": both(53),
    }


def to_api() -> Mapped:
    """Egress to the API server, whose addresses no selector names."""
    return {
        Note("The API server; narrow it with `to` and an ipBlock where its addresses are known."): None,
        "ports": [{"port": 443, "protocol": "TCP"}, {"port": 6443, "protocol": "TCP"}],
    }


def one_address(address: str) -> str:
    """The network that is this address."""
    return str(ipaddress.ip_network(address))
