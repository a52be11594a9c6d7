"""A cache on every node: the node-local mode, with the rights to change links and rules in containers of their own."""

from __future__ import annotations

from resolver.manifests.bundle import Bundle, ConfigFiles
from resolver.manifests.corefiles import node_template
from resolver.manifests.objects import account, dns_ports, document
from resolver.manifests.pods import (
    CONFIG_MOUNT,
    CONTAINER_SECURITY,
    NODE_NAME,
    SHARED_PORTS,
    Mapped,
    all_labels,
    config_volume,
    container,
    labels,
    probes,
)
from resolver.manifests.settings import Settings
from resolver.manifests.text import Document, Note
from resolver.manifests.ways.clusterdns import KUBE_DNS

_RUN = "/run/resolver"  # where the generated Corefile goes
_SERVER_STATE = 19353  # metrics of the node-local mode itself, the server's and the guard's
_GUARD_STATE = 19354
_HOST = "127.0.0.1"


def make(settings: Settings) -> Bundle:
    """The DaemonSet, and the Services that it and the monitoring need."""
    files = {"Corefile.base": node_template(SHARED_PORTS)}
    return Bundle(
        way="node-local",
        remarks=(
            f"A cache on every node. Pods ask {_said(settings.local_addresses)}, or go on asking "
            f"{_said(settings.cluster_dns)}, which the node then answers itself.",
            "The container `guard` makes and keeps link and packet rules and takes the rules away when the server "
            f"does not answer; the server itself may do nothing but {_allowed(settings)}.",
        ),
        manifests={
            "serviceaccount.yaml": [account(settings)],
            "service.yaml": [upstream_service(settings), metrics_service(settings)],
            "daemonset.yaml": [daemon_set(settings)],
        },
        configs=[ConfigFiles(settings.name, settings.namespace, files)],
        warnings=warnings(settings),
    )


def upstream_service(settings: Settings) -> Document:
    """The DNS of the cluster under an address that no node serves itself."""
    spec = {"selector": KUBE_DNS, "ports": [{**port, "targetPort": 53} for port in dns_ports()]}
    return document("Service", "v1", upstream_name(settings), settings.namespace, all_labels(settings), spec=spec)


def upstream_name(settings: Settings) -> str:
    """The Service that cache misses of the cluster's names go to."""
    return f"{settings.name}-upstream"


def metrics_service(settings: Settings) -> Document:
    """Headless: one endpoint a node."""
    ports = [
        {"name": "metrics", "port": SHARED_PORTS.metrics, "protocol": "TCP", "targetPort": SHARED_PORTS.metrics},
        {"name": "setup", "port": _SERVER_STATE, "protocol": "TCP", "targetPort": _SERVER_STATE},
        {"name": "guard", "port": _GUARD_STATE, "protocol": "TCP", "targetPort": _GUARD_STATE},
    ]
    spec = {"clusterIP": "None", "selector": labels(settings), "ports": ports}
    name = f"{settings.name}-metrics"
    return document("Service", "v1", name, settings.namespace, all_labels(settings), spec=spec)


def daemon_set(settings: Settings) -> Document:
    """On an upgrade the new instance serves beside the old one, on the same ports, before that ends."""
    spec = {
        "selector": {"matchLabels": labels(settings)},
        "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        Note("Two instances share the ports of the probes; an instance that fails does so within this time."): None,
        "minReadySeconds": 10,
        "template": {"metadata": {"labels": all_labels(settings)}, "spec": pod(settings)},
    }
    return document("DaemonSet", "apps/v1", settings.name, settings.namespace, all_labels(settings), spec=spec)


def pod(settings: Settings) -> Mapped:
    """On the node's own network, before everything else and wherever there is a node."""
    return {
        "serviceAccountName": settings.name,
        "automountServiceAccountToken": False,
        Note("The address of the Service for cache misses comes from the environment."): None,
        "enableServiceLinks": True,
        "priorityClassName": "system-node-critical",
        "hostNetwork": True,
        Note("The nameservers of the node: those of the cluster would be this very server."): None,
        "dnsPolicy": "Default",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [
            {"key": "CriticalAddonsOnly", "operator": "Exists"},
            {"effect": "NoExecute", "operator": "Exists"},
            {"effect": "NoSchedule", "operator": "Exists"},
        ],
        "initContainers": [setup(settings)],
        "containers": [server(settings), guard(settings)],
        "volumes": [
            config_volume(settings.name),
            {
                Note("Stub domains and upstream servers, where the cluster has them."): None,
                "name": "kube-dns",
                "configMap": {"name": "kube-dns", "optional": True},
            },
            {"name": "xtables-lock", "hostPath": {"path": "/run/xtables.lock", "type": "FileOrCreate"}},
            {"name": "run", "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}},
        ],
    }


def server(settings: Settings) -> Mapped:
    """The server. Host ports are not named: with them no second instance could start beside the first."""
    body = container(settings, SHARED_PORTS, named_ports=False)
    body["args"] = [
        "node",
        *_common(settings),
        "-setupinterface=false",
        "-setupiptables=false",
        "-basecorefile=/etc/resolver/Corefile.base",
        f"-conf={_RUN}/Corefile",
        f"-upstreamsvc={upstream_name(settings)}",
        f"-cluster-domain={settings.cluster_domain}",
        f"-prometheus-listen-address=:{SHARED_PORTS.metrics}",
        f"-metrics-listen-address=0.0.0.0:{_SERVER_STATE}",
    ]
    body["env"] = [NODE_NAME]
    body |= probes(SHARED_PORTS, _HOST)
    body["resources"] = {"requests": {"cpu": "25m", "memory": "70Mi"}, "limits": {"memory": "256Mi"}}
    rights, why = ["NET_BIND_SERVICE"], "listens on port 53 of the node"
    if settings.egress_set:
        rights, why = [*rights, "NET_ADMIN"], f"{why}, and writes to sets of its packet filter"
    body["securityContext"] = _root_with(rights, why)
    body["volumeMounts"] = [
        CONFIG_MOUNT,
        {"name": "kube-dns", "mountPath": "/etc/kube-dns", "readOnly": True},
        {"name": "run", "mountPath": _RUN},
    ]
    return body


def setup(settings: Settings) -> Mapped:
    """Makes link and addresses before the server listens on them."""
    rights = _root_with(["NET_ADMIN"], "changes links of the node")
    return {**_privileged(settings, rights), "name": "setup", "args": ["node", "setup", *_common(settings)]}


def guard(settings: Settings) -> Mapped:
    """Keeps link and rules as long as the server answers."""
    address = f"-metrics-listen-address=0.0.0.0:{_GUARD_STATE}"
    rights = _root_with(["NET_ADMIN", "NET_RAW"], "changes links and packet rules of the node, iptables' too")
    return {
        **_privileged(settings, rights),
        "name": "guard",
        "args": ["node", "guard", *_common(settings), address],
        "volumeMounts": [
            {
                Note("The lock of all that run iptables on the node."): None,
                "name": "xtables-lock",
                "mountPath": "/run/xtables.lock",
            }
        ],
    }


def _privileged(settings: Settings, rights: Mapped) -> Mapped:
    return {
        "name": "",
        "image": settings.image,
        "imagePullPolicy": "IfNotPresent",
        "args": [],
        "resources": {"requests": {"cpu": "10m", "memory": "40Mi"}, "limits": {"memory": "128Mi"}},
        "securityContext": rights,
    }


def _root_with(capabilities: list[str], why: str) -> Mapped:
    """Root in name, with these capabilities alone: on the node's network an ordinary user cannot be given any."""
    return {
        **CONTAINER_SECURITY,
        Note(f"It {why}. Kubernetes gives capabilities to root alone, who has no others here."): None,
        "runAsUser": 0,
        "runAsGroup": 0,
        "capabilities": {"drop": ["ALL"], "add": capabilities},
    }


def _common(settings: Settings) -> list[str]:
    addresses = ",".join(dict.fromkeys((*settings.local_addresses, *settings.cluster_dns)))
    return [f"-localip={addresses}", f"-health-port={SHARED_PORTS.health}"]


def _allowed(settings: Settings) -> str:
    return (
        "listen on port 53, and write to the packet filter of the node" if settings.egress_set else "listen on port 53"
    )


def _said(addresses: tuple[str, ...]) -> str:
    return " and ".join(addresses)


def warnings(settings: Settings) -> list[str]:
    """What the cluster has to have."""
    return [
        f"{_said(settings.cluster_dns)} has to be the address of the Service kube-dns (kubectl -n kube-system get "
        "service kube-dns). Where kube-proxy runs in IPVS mode it is left out on the nodes: give kubelet "
        f"--cluster-dns={settings.local_addresses[0]}.",
        "the cluster's DNS must accept TCP: cache misses of the cluster's names go there over TCP, past connection "
        "tracking of datagrams. A NetworkPolicy for it needs port 53 with TCP as well as UDP, from the addresses "
        "of the nodes.",
    ]
