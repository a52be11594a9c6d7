"""What the directive can tell of a query: the parts of its name, and the Pod that asks."""

from __future__ import annotations

from collections.abc import Iterable

from resolver.kube.objects import Pod
from resolver.plugins.kubernetes.zones import Zone
from resolver.wire.names import labels as labels_of


def describe_pod(pods: Iterable[Pod], labels: dict[str, str]) -> None:
    """The Pod with the client's address; nothing where several have it."""
    found = list(pods)
    if len(found) != 1:
        return
    labels["kubernetes/client-namespace"] = found[0].namespace
    labels["kubernetes/client-pod-name"] = found[0].name
    for key, value in found[0].labels:
        labels[f"kubernetes/client-label/{key}"] = value


def describe_name(name: bytes, zone: Zone, labels: dict[str, str], *, zonal: bool) -> None:
    """The parts of a name of the zone, empty where it has no such part."""
    parts = [label.decode("ascii", "backslashreplace") for label in labels_of(name[: -len(zone.name)] + b"\0")]
    kind = parts.pop() if parts else ""
    namespace = parts.pop() if parts else ""
    service = parts.pop() if parts else ""
    is_zonal = zonal and not zone.multicluster and kind == "svc" and len(parts) > 2 and parts[-1] == "_zone"
    is_zonal = is_zonal and parts[-2] in ("pin", "prefer")
    if kind not in ("svc", "pod", "") or (len(parts) > 2 and not is_zonal):
        labels["kubernetes/parse-error"] = "invalid query name"
        return
    endpoint = port = protocol = cluster = topology = ""
    if is_zonal:
        topology = ".".join(parts[:-2])
    elif len(parts) == 1:
        endpoint = parts[0]
    elif len(parts) == 2 and zone.multicluster and not any(part.startswith("_") for part in parts):
        endpoint, cluster = parts
    elif len(parts) == 2:
        port, protocol = (part.removeprefix("_") for part in parts)
    named = {"port-name": port, "protocol": protocol, "endpoint": endpoint, "service": service}
    named |= {"namespace": namespace, "kind": kind}
    if zone.multicluster:
        named["cluster"] = cluster
    if zonal:
        named["zone"] = topology
    labels.update({f"kubernetes/{key}": value for key, value in named.items()})
