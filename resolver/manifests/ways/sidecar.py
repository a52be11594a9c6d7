"""A sidecar: the server inside of the Pod that asks it, on the loopback address."""

from __future__ import annotations

from resolver.manifests.bundle import Bundle, ConfigFiles
from resolver.manifests.corefiles import forwarder
from resolver.manifests.objects import document
from resolver.manifests.pods import (
    CONTAINER_SECURITY,
    LOW_PORTS,
    SHARED_PORTS,
    USER,
    Mapped,
    config_volume,
    container,
    probes,
)
from resolver.manifests.search import search_list, search_warnings
from resolver.manifests.settings import Settings
from resolver.manifests.text import Note

LOOPBACK = "127.0.0.1"
MARK = {"dns.k8s-resolver/sidecar": "true"}  # what deploy/monitoring finds the Pods by
_KINDS = {"deployment": "Deployment", "statefulset": "StatefulSet", "daemonset": "DaemonSet"}


def make(settings: Settings) -> Bundle:
    """The sidecar's configuration, and what is added to the workload."""
    kind, _, name = settings.workload.partition("/")
    template = {"metadata": {"labels": MARK}, "spec": pod_patch(settings)}
    patch = document(_KINDS[kind], "apps/v1", name, settings.namespace, spec={"template": template})
    return Bundle(
        way="sidecar",
        remarks=(
            f"The server as a sidecar of {settings.workload}. It starts before the workload's containers and ends "
            "after them, which takes Kubernetes 1.29 or newer.",
            "The document of the workload is only what is added to it: apply it with `kubectl apply "
            "--server-side`, or as a patch. In a kustomization it is a component.",
        ),
        configs=[config(settings)],
        patch=patch,
        warnings=warnings(settings),
    )


def config(settings: Settings) -> ConfigFiles:
    """The sidecar's Corefile; small caches, because every replica has one."""
    text = forwarder(settings, settings.cluster_dns, SHARED_PORTS, "8MiB", LOOPBACK)
    return ConfigFiles(config_name(settings), settings.namespace, {"Corefile": text})


def config_name(settings: Settings) -> str:
    """Apart from whatever the namespace has under the plain name."""
    return f"{settings.name}-sidecar"


def pod_patch(settings: Settings) -> Mapped:
    """What the Pods of the workload get."""
    return {
        Note("The sidecar and nobody else; its Corefile knows the way to the names of the cluster."): None,
        "dnsPolicy": "None",
        "dnsConfig": {
            "nameservers": [LOOPBACK],
            "searches": list(search_list(settings, settings.namespace)),
            "options": [{"name": "ndots", "value": str(settings.ndots)}],
        },
        "securityContext": LOW_PORTS,
        "initContainers": [sidecar(settings)],
        "volumes": [volume(settings)],
    }


def sidecar(settings: Settings) -> Mapped:
    """The container; Kubernetes starts the next ones when it can answer."""
    body = container(settings, SHARED_PORTS, memory="128Mi")
    # Services and monitors of the workload may go by the names of its own ports.
    body["ports"] = [{**port, "name": _named(port["name"])} for port in body["ports"]]
    body["volumeMounts"] = [{**mount, "name": "resolver-config"} for mount in body["volumeMounts"]]
    body["securityContext"] = {
        **CONTAINER_SECURITY,
        "runAsNonRoot": True,
        "runAsUser": USER,
        "runAsGroup": USER,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    head = {
        "name": body.pop("name"),
        Note("Always makes it a sidecar: it goes on beside the containers that start after it."): None,
        "restartPolicy": "Always",
    }
    body["resources"] = {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}}
    return {**head, **body, **probes(SHARED_PORTS, start="ready")}


def _named(port: str) -> str:
    return port if port.startswith("dns") else f"dns-{port}"


def volume(settings: Settings) -> Mapped:
    """The sidecar's configuration, under a name that the workload does not use."""
    return {**config_volume(config_name(settings)), "name": "resolver-config"}


def warnings(settings: Settings) -> list[str]:
    """What the workload has to know."""
    found = search_warnings(settings, settings.namespace)
    found.append(
        f"names of the cluster go to {', '.join(settings.cluster_dns)}: this has to be the address of the Service "
        "kube-dns (kubectl -n kube-system get service kube-dns)."
    )
    found.append(
        "init containers of the workload that look names up have to come after the sidecar: kustomize puts it "
        "first; after another way of applying look at the order."
    )
    found.append(
        "sysctls in a Pod's security context are one list: where the workload has some, add "
        "net.ipv4.ip_unprivileged_port_start to them."
    )
    return found
