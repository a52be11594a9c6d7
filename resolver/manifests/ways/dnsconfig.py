"""Way 1: Pods name the server in their ``dnsConfig``; the server is a Service with a fixed address."""

from __future__ import annotations

from resolver.manifests.bundle import Bundle, ConfigFiles
from resolver.manifests.corefiles import forwarder
from resolver.manifests.objects import (
    BOTH,
    account,
    both,
    budget,
    cluster_addresses,
    critical_quota,
    deployment,
    dns_ports,
    document,
    namespace,
    policy,
    to_cluster_dns,
    to_upstreams,
)
from resolver.manifests.pods import POD_PORTS, Mapped, all_labels, labels, pod
from resolver.manifests.search import search_list, search_warnings
from resolver.manifests.settings import ManifestError, Settings
from resolver.manifests.text import Document, Note

_POLICY = (
    "ClusterFirst",
    "The Pod's own resolv.conf names the DNS of the cluster; the Corefile forwards the cluster's names to it.",
)
MAX_NAMESERVERS = 3  # the API server refuses a Pod with more


def make(settings: Settings) -> Bundle:
    """The server, its Service, and a Pod that uses it."""
    return Bundle(
        way="dnsconfig",
        remarks=(
            "Way 1: a Pod names its nameserver in dnsConfig. The nameserver is this Service, with failover, stale "
            "answers and a clear scope.",
            f"{settings.addresses[0]} has to be a free address of the cluster's own range for Services.",
        ),
        manifests={**server(settings), "client.yaml": [client(settings), client_policy(settings)]},
        configs=[config(settings)],
        warnings=warnings(settings),
    )


def make_server(settings: Settings) -> Bundle:
    """The server and its Service alone."""
    remarks = (
        "A forwarder for Pods that name it in their dnsConfig, and for the stub domains of other servers.",
        f"{settings.addresses[0]} has to be a free address of the cluster's own range for Services.",
    )
    return Bundle("shared", remarks, server(settings), [config(settings)])


def server(settings: Settings) -> dict[str, list[Document]]:
    """Everything but the configuration and the client."""
    service = {
        **cluster_addresses(settings.addresses),
        "selector": labels(settings),
        "ports": dns_ports(),
    }
    return {
        "namespace.yaml": [namespace(settings), critical_quota(settings)],
        "serviceaccount.yaml": [account(settings)],
        "deployment.yaml": [deployment(settings, pod(settings, dns_policy=_POLICY))],
        "service.yaml": [
            document("Service", "v1", settings.name, settings.namespace, all_labels(settings), spec=service)
        ],
        "pdb.yaml": [budget(settings)],
        "networkpolicy.yaml": [policy(settings, [to_cluster_dns(), *to_upstreams(settings.upstreams)])],
    }


def config(settings: Settings) -> ConfigFiles:
    """The server's Corefile."""
    text = forwarder(settings, ["/etc/resolv.conf"], POD_PORTS, "64MiB")
    return ConfigFiles(settings.name, settings.namespace, {"Corefile": text})


def client(settings: Settings) -> Document:
    """A Pod that asks this server and nobody else."""
    spec = {
        Note("Without None the nameservers below would come after those of the cluster, which answer first."): None,
        "dnsPolicy": "None",
        "dnsConfig": dns_config(settings),
        "containers": [
            {
                "name": "my-container",
                "image": "my-image:1.0.0",
                "securityContext": {
                    "allowPrivilegeEscalation": False,
                    "capabilities": {"drop": ["ALL"]},
                },
            }
        ],
    }
    return document("Pod", "v1", "my-pod", settings.client_namespace, {"app": "my-pod"}, spec=spec)


def dns_config(settings: Settings) -> Mapped:
    """What the Pod's resolv.conf is made of."""
    nameservers = list(dict.fromkeys((*settings.addresses, *settings.nameservers)))
    if len(nameservers) > MAX_NAMESERVERS:
        raise ManifestError(
            f"{len(nameservers)} nameservers: Kubernetes refuses a Pod with more than {MAX_NAMESERVERS}"
        )
    return {
        "nameservers": nameservers,
        "searches": list(search_list(settings, settings.client_namespace)),
        "options": [
            Note(f"Names with {settings.ndots} dots or more are asked for as they are first, not at the end."),
            {"name": "ndots", "value": str(settings.ndots)},
            {"name": "timeout", "value": "2"},
            {"name": "attempts", "value": "2"},
        ],
    }


def client_policy(settings: Settings) -> Document:
    """The client's way out: to the server, and to the ports of its hosts."""
    ports = sorted({host.port for host in settings.hosts} or {443})
    spec = {
        "podSelector": {"matchLabels": {"app": "my-pod"}},
        "policyTypes": ["Egress"],
        "egress": [
            {
                Note(BOTH): None,
                "to": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": settings.namespace}},
                        "podSelector": {"matchLabels": labels(settings)},
                    }
                ],
                "ports": both(53),
            },
            {
                Note(
                    "The hosts. A NetworkPolicy knows no names; narrow it with `to` where their addresses are known."
                ): None,
                "ports": [{"port": port, "protocol": "TCP"} for port in ports],
            },
        ],
    }
    return document(
        "NetworkPolicy", "networking.k8s.io/v1", "my-pod", settings.client_namespace, {"app": "my-pod"}, spec=spec
    )


def warnings(settings: Settings) -> list[str]:
    """What goes wrong with these nameservers and this search list."""
    found = search_warnings(settings, settings.client_namespace)
    if settings.nameservers:
        found.append(
            f"{', '.join(settings.nameservers)} beside {', '.join(settings.addresses)}: glibc asks the second "
            "nameserver only when the first is silent, musl asks all at once and takes the first answer. A "
            "nameserver that does not know the names of the cluster then answers NXDOMAIN for them, now and then. "
            "Leave it out: this server has failover of its own."
        )
    if settings.only:
        found.append(
            f"any name outside of {settings.cluster_domain} and the hosts given is refused to these Pods. Leave out "
            "--only to forward the rest as well."
        )
    return found
