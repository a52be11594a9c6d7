"""The container that serves and the Pods around it, hardened in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolver.manifests.settings import Settings
from resolver.manifests.text import Note

USER = 65532  # the image's user; a number, so that runAsNonRoot can be checked before the container starts
CONFIG = "/etc/resolver"

Mapped = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the server listens beside DNS."""

    health: int = 8080
    ready: int = 8181
    metrics: int = 9153


POD_PORTS = Ports()
# For networks that are shared: with the user's own containers in a sidecar's Pod, with everything on the node of a
# host's network, where 8080, 9253 and 9353 are taken more often than not.
SHARED_PORTS = Ports(18080, 18181, 19153)


def labels(settings: Settings) -> Mapped:
    """What chooses the Pods; the same words as the Helm chart's."""
    return {"app.kubernetes.io/name": "k8s-resolver", "app.kubernetes.io/instance": settings.name}


def all_labels(settings: Settings) -> Mapped:
    """The labels of every object."""
    return {**labels(settings), "app.kubernetes.io/component": "dns"}


def container(
    settings: Settings, ports: Ports = POD_PORTS, *, memory: str = "256Mi", named_ports: bool = True
) -> Mapped:
    """The server. ``named_ports`` is for Pods of a network of their own: on the host's they would be host ports."""
    body: Mapped = {
        "name": "resolver",
        "image": settings.image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["-conf", f"{CONFIG}/Corefile"],
    }
    if named_ports:
        body["ports"] = [
            {"name": "dns", "containerPort": 53, "protocol": "UDP"},
            {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
            {"name": "health", "containerPort": ports.health, "protocol": "TCP"},
            {"name": "ready", "containerPort": ports.ready, "protocol": "TCP"},
            {"name": "metrics", "containerPort": ports.metrics, "protocol": "TCP"},
        ]
    return {
        **body,
        **probes(ports),
        "resources": {
            "requests": {"cpu": "100m", "memory": "70Mi"},
            Note("No limit of CPU: throttled DNS is slow DNS for everybody."): None,
            "limits": {"memory": memory},
        },
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [CONFIG_MOUNT],
    }


CONFIG_MOUNT: Mapped = {
    Note("The whole folder, not a subPath: only so do changes of the ConfigMap reach a running Pod."): None,
    "name": "config",
    "mountPath": CONFIG,
    "readOnly": True,
}

NODE_NAME: Mapped = {
    Note("For the directive identity, which then knows the Pods of this node."): None,
    "name": "NODE_NAME",
    "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}},
}

CONTAINER_SECURITY: Mapped = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}

POD_SECURITY: Mapped = {
    "runAsNonRoot": True,
    "runAsUser": USER,
    "runAsGroup": USER,
    "seccompProfile": {"type": "RuntimeDefault"},
}

# Of the Pod's own network only, and allowed by the Pod Security Standard `restricted`.
LOW_PORTS: Mapped = {
    Note("Lets an ordinary user listen on port 53, in this Pod's network only; no capability is needed."): None,
    "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}],
}


def probes(ports: Ports, host: str = "", start: str = "health") -> Mapped:
    """Liveness, readiness and start; ``host`` is where they ask, the Pod's address by default.

    ``start`` is the page that ends the start: with ``ready`` whatever waits for it waits until it can answer.
    """
    where = {"host": host} if host else {}
    numbers = {"health": ports.health, "ready": ports.ready}

    def page(name: str) -> Mapped:
        return {"httpGet": {**where, "path": f"/{name}", "port": numbers[name]}}

    return {
        "startupProbe": {**page(start), "periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 60},
        "livenessProbe": {**page("health"), "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 5},
        "readinessProbe": {**page("ready"), "periodSeconds": 5, "timeoutSeconds": 3, "failureThreshold": 3},
    }


def config_volume(name: str) -> Mapped:
    """The volume behind ``CONFIG_MOUNT``."""
    return {"name": "config", "configMap": {"name": name}}


def spread(settings: Settings) -> list[Mapped]:
    """Over nodes and zones, as far as there are any."""
    return [
        {
            "maxSkew": 1,
            "topologyKey": key,
            "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": labels(settings)},
        }
        for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
    ]


def pod(
    settings: Settings,
    *,
    dns_policy: Sequence[str],
    with_token: bool = False,
    extra_labels: Mapping[str, str] | None = None,
) -> Mapped:
    """The template of a Deployment's Pods. ``dns_policy`` is the policy, then the reason for it."""
    policy, reason = dns_policy
    return {
        "metadata": {"labels": {**all_labels(settings), **(extra_labels or {})}},
        "spec": {
            "serviceAccountName": settings.name,
            "automountServiceAccountToken": with_token,
            "enableServiceLinks": False,
            "priorityClassName": "system-cluster-critical",
            Note(reason): None,
            "dnsPolicy": policy,
            Note("Longer than the lameduck of the Corefile."): None,
            "terminationGracePeriodSeconds": 30,
            "securityContext": {**POD_SECURITY, **LOW_PORTS},
            "nodeSelector": {"kubernetes.io/os": "linux"},
            "tolerations": [
                {"key": "CriticalAddonsOnly", "operator": "Exists"},
                {"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"},
            ],
            "topologySpreadConstraints": spread(settings),
            "containers": [container(settings)],
            "volumes": [config_volume(settings.name)],
        },
    }
