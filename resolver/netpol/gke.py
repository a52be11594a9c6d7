"""FQDNNetworkPolicy of GKE's Dataplane V2, beside a NetworkPolicy that closes the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resolver.manifests.objects import document
from resolver.manifests.text import Document
from resolver.netpol import kubernetes
from resolver.netpol.grants import Grant, Pods
from resolver.netpol.writing import Rule, Workloads, host, is_host, object_name, one_label_below, one_level
from resolver.policy.patterns import Pattern, Reach

LEARNS = (
    "GKE learns addresses from the answers of its own kube-dns or Cloud DNS alone: it works where those forward to "
    "this server, not where Pods ask it directly"
)


def write(workloads: Workloads) -> list[Document]:
    """Both policies for each namespace, and names for each choice of its Pods."""
    workloads.unsaid.append(LEARNS)
    workloads.follow("GKE", personal=False)
    documents: list[Document] = []
    for namespace in workloads.grants.namespaces:
        documents.append(kubernetes.policy(workloads, Pods(namespace), ()))
        for pods, found in workloads.grants.of(namespace).items():
            if pods.service_account:
                workloads.leave_out_pods(pods, "FQDNNetworkPolicy has no service accounts")
            elif matches := _matches(workloads, found):
                documents.append(_policy(workloads, pods, matches))
    return documents


def _policy(workloads: Workloads, pods: Pods, matches: Sequence[Rule]) -> Document:
    ports = [{"protocol": protocol, "port": port} for port, protocol in workloads.ports]
    spec = {
        "podSelector": {"matchLabels": dict(pods.labels)} if pods.labels else {},
        "egress": [{"matches": list(matches), "ports": ports}],
    }
    api = "networking.gke.io/v1alpha1"
    return document("FQDNNetworkPolicy", api, object_name(pods), pods.namespace, spec=spec)


def _matches(workloads: Workloads, grants: Sequence[Grant]) -> list[Rule]:
    found: list[Rule] = []
    for grant in grants:
        found += [match for match in _match(workloads, grant) if match not in found]
    return found


def _match(workloads: Workloads, grant: Grant) -> Iterator[Rule]:
    text = host(grant.pattern)
    if one_level(grant.pattern):
        yield from _wildcard(workloads, grant, grant.pattern)
    elif not is_host(text):
        workloads.leave_out(grant, "FQDNNetworkPolicy has * in front of a name only")
    else:
        if grant.pattern.reach is not Reach.BELOW and not workloads.is_denied(grant, personal=True):
            yield {"name": text}
        if grant.pattern.reach is not Reach.EXACT:
            workloads.leave_out(grant, "one label below the name; deeper names stay closed, since * is one label there")
            yield from _wildcard(workloads, grant, one_label_below(grant.pattern))


def _wildcard(workloads: Workloads, grant: Grant, pattern: Pattern) -> Iterator[Rule]:
    """A name that nobody gets is in no answer; but those who forward to this server do not say which Pod asks."""
    if denials := workloads.denials(grant, pattern, personal=True):
        workloads.leave_out_wildcard(grant, pattern, denials)
    else:
        yield {"pattern": host(pattern)}
