"""The DNS of the cluster, in the place of CoreDNS: same Service, same labels, same kind of Corefile."""

from __future__ import annotations

from collections.abc import Sequence

from resolver.manifests.bundle import Bundle, ConfigFiles
from resolver.manifests.corefiles import cluster
from resolver.manifests.objects import (
    SERVICES,
    account,
    budget,
    cluster_addresses,
    deployment,
    dns_ports,
    document,
    policy,
    role,
    to_api,
)
from resolver.manifests.pods import Mapped, pod
from resolver.manifests.settings import Settings
from resolver.manifests.text import Document, Note

# What the Services, policies and dashboards of all distributions choose the Pods of cluster DNS by.
KUBE_DNS = {"k8s-app": "kube-dns"}
_POLICY = (
    "Default",
    "The nameservers of the node: those of the cluster would be this very server.",
)


def make(settings: Settings) -> Bundle:
    """The server with access to the API, behind the Service kube-dns."""
    text = cluster(settings)
    return Bundle(
        way="cluster-dns",
        remarks=(
            "The DNS of the cluster in the place of CoreDNS. The Service kube-dns is the one that the cluster has; "
            "its Pods have the same label, so these Pods answer beside those of CoreDNS until that is scaled down.",
        ),
        manifests=server(settings, to_upstreams_of_node()),
        configs=[ConfigFiles(settings.name, settings.namespace, {"Corefile": text})],
        warnings=warnings(settings),
    )


def server(settings: Settings, egress: Sequence[Mapped]) -> dict[str, list[Document]]:
    """Everything but the configuration."""
    return {
        "serviceaccount.yaml": [account(settings, with_token=True)],
        "rbac.yaml": role(settings, SERVICES),
        "deployment.yaml": [
            deployment(settings, pod(settings, dns_policy=_POLICY, with_token=True, extra_labels=KUBE_DNS))
        ],
        "service.yaml": [kube_dns(settings)],
        "pdb.yaml": [budget(settings)],
        "networkpolicy.yaml": [policy(settings, [to_api(), *egress])],
    }


def kube_dns(settings: Settings) -> Document:
    """The Service that the nodes and their Pods know, unchanged but for who may stand behind it.

    It has to say what distributions say. ``kubectl apply`` tells ports apart by their number alone, so a target that
    differs for UDP and TCP ends up at the wrong one of both; and a second address must not be taken from a cluster
    that has two. Hence numbers, and one address where one is given.
    """
    marks = {
        **KUBE_DNS,
        "kubernetes.io/name": "CoreDNS",
        "kubernetes.io/cluster-service": "true",
    }
    addresses = settings.addresses
    metrics = {"name": "metrics", "port": 9153, "protocol": "TCP"}
    spec = {
        Note("The address that the cluster has already; it cannot be changed."): None,
        **(cluster_addresses(addresses) if len(addresses) > 1 else {"clusterIP": addresses[0]}),
        "selector": KUBE_DNS,
        "ports": [{**port, "targetPort": port["port"]} for port in (*dns_ports(), metrics)],
    }
    return document("Service", "v1", "kube-dns", settings.namespace, marks, spec=spec)


def to_upstreams_of_node() -> list[Mapped]:
    """Egress to nameservers that only the nodes know."""
    return [
        {
            Note("The nameservers of the nodes; narrow it with `to` where their addresses are known."): None,
            **_dns_anywhere(),
        }
    ]


def _dns_anywhere() -> Mapped:
    return {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}


def warnings(settings: Settings) -> list[str]:
    """What the cluster has to have."""
    return [
        f"the Service kube-dns has to have the address {', '.join(settings.addresses)} already (kubectl -n "
        f"{settings.namespace} get service kube-dns); where it has another one, give that with --address."
    ]
