"""Way 4: a Service of type NodePort or LoadBalancer whose traffic a proxy hands to the external system."""

from __future__ import annotations

import ipaddress

from resolver.manifests import haproxy, nat
from resolver.manifests.bundle import Bundle, ConfigFiles
from resolver.manifests.corefiles import forwarder
from resolver.manifests.objects import (
    budget,
    deployment,
    document,
    namespace,
    one_address,
    to_cluster_dns,
    to_upstreams,
)
from resolver.manifests.pods import (
    CONTAINER_SECURITY,
    LOW_PORTS,
    POD_SECURITY,
    SHARED_PORTS,
    Mapped,
    all_labels,
    labels,
    spread,
)
from resolver.manifests.settings import Settings
from resolver.manifests.text import Document, Note
from resolver.manifests.ways.sidecar import LOOPBACK, sidecar, volume

_PROXY_FOLDER = "/usr/local/etc/haproxy"
_PROXY_USER = 99  # of the official image
_LAST_NODE_PORT = 32767


def make(settings: Settings) -> Bundle:
    """The proxy, the resolver beside it, and the Service in front."""
    haproxy.check(settings.hosts)
    others = {}
    if settings.nat:
        others["nat.nft"] = nat.ruleset(settings.hosts, settings.nat, settings.node_port)
    return Bundle(
        way="loadbalancer",
        remarks=(
            f"Way 4: a Service of type {settings.service_type} whose traffic HAProxy hands to the external systems. "
            "It serves the hosts listed and no others, and looks up their names again and again at the resolver "
            "beside it.",
            "Port 80 speaks HTTP with clients and, where the host is on port 443, TLS with the external server, "
            "certificate verified. Port 443 passes TLS through by its server name.",
        ),
        manifests={
            "namespace.yaml": [namespace(settings)],
            "serviceaccount.yaml": [account(settings)],
            "deployment.yaml": [deployment(settings, template(settings))],
            "service.yaml": [service(settings)],
            "pdb.yaml": [budget(settings)],
            "networkpolicy.yaml": [proxy_policy(settings)],
        },
        configs=[
            ConfigFiles(
                proxy_config(settings), settings.namespace, {"haproxy.cfg": haproxy.configuration(settings.hosts)}
            ),
            ConfigFiles(f"{settings.name}-sidecar", settings.namespace, {"Corefile": corefile(settings)}),
        ],
        others=others,
        warnings=warnings(settings),
    )


def account(settings: Settings) -> Document:
    """An identity without rights and without a token."""
    return document(
        "ServiceAccount",
        "v1",
        settings.name,
        settings.namespace,
        all_labels(settings),
        automountServiceAccountToken=False,
    )


def proxy_config(settings: Settings) -> str:
    """The ConfigMap of the proxy."""
    return f"{settings.name}-haproxy"


def corefile(settings: Settings) -> str:
    """The resolver asks outside directly, so a name that the cluster leads to this very proxy is no loop."""
    return forwarder(settings, ["/etc/resolv.conf"], SHARED_PORTS, "8MiB", LOOPBACK)


def template(settings: Settings) -> Document:
    """The Pod: the resolver first, then the proxy."""
    return {
        "metadata": {"labels": all_labels(settings)},
        "spec": {
            "serviceAccountName": settings.name,
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 60,
            "securityContext": {**POD_SECURITY, **LOW_PORTS},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "topologySpreadConstraints": spread(settings),
            "initContainers": [sidecar(settings)],
            "containers": [proxy(settings)],
            "volumes": [
                volume(settings),
                {"name": "proxy-config", "configMap": {"name": proxy_config(settings)}},
            ],
        },
    }


def proxy(settings: Settings) -> Mapped:
    """HAProxy, as hardened as the resolver."""
    status = {"httpGet": {"path": "/health", "port": haproxy.STATUS}}
    listening = [
        {"name": _port_name(outside), "containerPort": inside, "protocol": "TCP"}
        for outside, inside in haproxy.ports(settings.hosts).items()
    ]
    return {
        "name": "haproxy",
        "image": settings.proxy_image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [*listening, {"name": "status", "containerPort": haproxy.STATUS, "protocol": "TCP"}],
        "startupProbe": {**status, "periodSeconds": 1, "failureThreshold": 30},
        "livenessProbe": {**status, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 5},
        "readinessProbe": {**status, "periodSeconds": 5, "timeoutSeconds": 3},
        Note("Time for load balancers to turn away before the proxy ends."): None,
        "lifecycle": {"preStop": {"exec": {"command": ["sleep", "10"]}}},
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        "securityContext": {**CONTAINER_SECURITY, "runAsUser": _PROXY_USER, "runAsGroup": _PROXY_USER},
        "volumeMounts": [{"name": "proxy-config", "mountPath": _PROXY_FOLDER, "readOnly": True}],
    }


def service(settings: Settings) -> Document:
    """In front of the proxy; the first port gets the node port asked for, the others the ones that follow."""
    listed = []
    for index, outside in enumerate(haproxy.ports(settings.hosts)):
        port: Mapped = {
            "name": _port_name(outside),
            "port": outside,
            "protocol": "TCP",
            "targetPort": _port_name(outside),
        }
        node_port = settings.node_port + index
        if node_port <= _LAST_NODE_PORT:
            port["nodePort"] = node_port
        listed.append(port)
    spec: Mapped = {
        "type": settings.service_type,
        Note("The client's own address reaches the proxy, its log and the NetworkPolicy."): None,
        "externalTrafficPolicy": "Local",
    }
    if settings.service_type == "LoadBalancer":
        spec["loadBalancerSourceRanges"] = list(settings.source_ranges)
    spec |= {"selector": labels(settings), "ports": listed}
    return document("Service", "v1", settings.name, settings.namespace, all_labels(settings), spec=spec)


def proxy_policy(settings: Settings) -> Document:
    """In come the networks allowed; out go questions, and connections to the ports of the hosts."""
    inside = [{"port": port, "protocol": "TCP"} for port in haproxy.ports(settings.hosts).values()]
    spec = {
        "podSelector": {"matchLabels": labels(settings)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {"from": [{"ipBlock": {"cidr": network}} for network in settings.source_ranges], "ports": inside},
            {
                "from": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}],
                "ports": [
                    {"port": SHARED_PORTS.metrics, "protocol": "TCP"},
                    {"port": haproxy.STATUS, "protocol": "TCP"},
                ],
            },
        ],
        "egress": [to_cluster_dns(), *to_upstreams(settings.upstreams), to_hosts(settings)],
    }
    return document(
        "NetworkPolicy", "networking.k8s.io/v1", settings.name, settings.namespace, all_labels(settings), spec=spec
    )


def to_hosts(settings: Settings) -> Mapped:
    """Egress to the hosts: to their addresses where all are known, otherwise to their ports."""
    ports = [{"port": port, "protocol": "TCP"} for port in sorted({host.port for host in settings.hosts})]
    if all(host.is_address for host in settings.hosts):
        return {"to": [{"ipBlock": {"cidr": one_address(host.target)}} for host in settings.hosts], "ports": ports}
    return {
        Note("A NetworkPolicy knows no names; narrow it with `to` where the addresses of the hosts are known."): None,
        "ports": ports,
    }


def warnings(settings: Settings) -> list[str]:
    """What a proxy in between breaks, and what it opens."""
    found = []
    renamed = [host for host in settings.hosts if host.is_renamed and haproxy.has_tls(host) and not host.is_address]
    if renamed:
        named = ", ".join(f"{host.target} (not {host.name})" for host in renamed)
        found.append(
            "through port 443 the external server answers with its own certificate: clients have to ask for "
            f"{named}. Let DNS give that name the proxy's address, or use port 80, where the proxy speaks TLS for "
            "them."
        )
    found += [
        f"--source-range {network} lets everybody use the proxy."
        for network in settings.source_ranges
        if ipaddress.ip_network(network).prefixlen == 0
    ]
    if settings.service_type == "NodePort":
        found.append(
            "a NodePort is open on every node that runs the proxy; only the NetworkPolicy says who may use it, and "
            "only where the cluster enforces those."
        )
    if settings.nat:
        found.append("nat.nft has addresses as they are now; nobody follows when they change.")
    if any(ipaddress.ip_address(place).is_private for _, place in settings.nat if not _documentation(place)):
        found.append("an address given with --nat is private: is it reachable from every node?")
    return found


def _documentation(place: str) -> bool:
    """Addresses for examples count as private, too (RFC 5737, RFC 3849)."""
    examples = ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32")
    address = ipaddress.ip_address(place)
    return any(address in ipaddress.ip_network(network) for network in examples)


def _port_name(port: int) -> str:
    return {80: "http", 443: "https"}.get(port, f"tcp-{port}")
