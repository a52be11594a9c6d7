"""Plain NetworkPolicy: the addresses that names have now. They age, so this is written anew again and again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resolver.manifests.objects import document, namespace_peer
from resolver.manifests.pods import labels
from resolver.manifests.text import Document, Note
from resolver.netpol.grants import Grant, Pods
from resolver.netpol.server import block
from resolver.netpol.writing import Rule, Workloads, host, is_host, object_name
from resolver.policy.patterns import Reach


def write(workloads: Workloads) -> list[Document]:
    """A policy for each namespace, and one for each choice of its Pods that has names of its own."""
    return [
        policy(workloads, pods, list(_egress(workloads, found)))
        for namespace in workloads.grants.namespaces
        for pods, found in workloads.grants.of(namespace).items()
        if _is_sayable(workloads, pods)
    ]


def policy(workloads: Workloads, pods: Pods, egress: Sequence[Rule]) -> Document:
    """A NetworkPolicy with this egress, and with DNS where it is for all Pods: those are closed by it."""
    rules = [*([] if pods.labels else [to_server(workloads)]), *egress]
    selector = {"matchLabels": dict(pods.labels)} if pods.labels else {}
    spec = {"podSelector": selector, "policyTypes": ["Egress"], "egress": rules}
    return document("NetworkPolicy", "networking.k8s.io/v1", object_name(pods), pods.namespace, spec=spec)


def to_server(workloads: Workloads) -> Rule:
    """Egress to the server, by its labels."""
    settings = workloads.settings
    pods = {"podSelector": {"matchLabels": labels(settings)}}
    return {
        Note("DNS, from this server alone."): None,
        "to": [{**namespace_peer(settings.namespace), **pods}],
        "ports": list(workloads.dns),
    }


def names_to_resolve(workloads: Workloads) -> list[str]:
    """The names whose addresses are needed."""
    denials = workloads.grants.denials
    return [
        host(grant.pattern)
        for grant in workloads.grants.grants
        if _name(grant) and not denials.denied(grant.pods, grant.pattern.key)
    ]


def _is_sayable(workloads: Workloads, pods: Pods) -> bool:
    if pods.service_account:
        workloads.leave_out_pods(pods, "NetworkPolicy has no service accounts")
    return not pods.service_account


def _name(grant: Grant) -> str:
    """The name that can be looked up; for a name and those below it that is the name itself."""
    text = host(grant.pattern)
    return text if is_host(text) and grant.pattern.reach is not Reach.BELOW else ""


def _egress(workloads: Workloads, grants: Sequence[Grant]) -> Iterator[Rule]:
    peers: dict[str, tuple[Note, Rule]] = {}
    for grant in grants:
        name = _name(grant)
        if not name:
            workloads.leave_out(grant, "NetworkPolicy has addresses, and wildcards have none")
            continue
        if workloads.is_denied(grant):
            continue
        if grant.pattern.reach is Reach.WITHIN:
            workloads.leave_out(grant, "only the name itself; those below it have no addresses that could be known")
        for one in workloads.known.get(name, ()):
            if grant.ipv6 if ":" in one.address else grant.ipv4:
                peers.setdefault(one.address, (Note(str(one)), block(one.address)))
        if name not in workloads.known:
            workloads.leave_out(grant, "no addresses were found")
    if peers:
        yield {"to": [item for pair in peers.values() for item in pair], "ports": workloads.port_rules()}
