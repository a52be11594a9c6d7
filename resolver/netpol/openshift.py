"""EgressFirewall of OVN-Kubernetes: one for all Pods of a namespace, for traffic that leaves the cluster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from resolver.manifests.objects import document
from resolver.manifests.settings import ManifestError
from resolver.manifests.text import Document
from resolver.netpol.denials import ANY_NAME
from resolver.netpol.grants import Grant, Pods
from resolver.netpol.writing import Rule, Workloads, host, is_host, one_label_below, one_level
from resolver.policy.patterns import Reach
from resolver.wire.names import labels, to_text

MOST_RULES = 8000

LEARNS = (
    "OVN-Kubernetes looks names up by itself, or with DNSNameResolver learns from the cluster's DNS; the latter, which "
    "wildcards need, has to be switched on"
)


def write(workloads: Workloads) -> list[Document]:
    """A firewall for each namespace. Raises ManifestError for more rules than one may have."""
    workloads.unsaid.append(LEARNS)
    return [_firewall(workloads, namespace) for namespace in workloads.grants.namespaces]


def _firewall(workloads: Workloads, namespace: str) -> Document:
    exact: list[str] = []
    wild: dict[str, list[str]] = {}
    for pods, found in workloads.grants.of(namespace).items():
        if pods != Pods(namespace):
            workloads.leave_out_pods(pods, "EgressFirewall is for all Pods of a namespace")
        else:
            exact = list(dict.fromkeys(_names(workloads, found)))
            wild = dict(_wildcards(workloads, found))
    denied = dict.fromkeys(name for names in wild.values() for name in names)
    rules: list[Rule] = [_allow(workloads, name) for name in exact]
    rules += [{"type": "Deny", "to": {"dnsName": name}} for name in denied]
    rules += [_allow(workloads, name) for name in wild]
    rules += [{"type": "Deny", "to": {"cidrSelector": everything}} for everything in ("0.0.0.0/0", "::/0")]
    if len(rules) > MOST_RULES:
        raise ManifestError(f"{namespace} has {len(rules)} rules; an EgressFirewall has {MOST_RULES} at most")
    return document("EgressFirewall", "k8s.ovn.org/v1", "default", namespace, spec={"egress": rules})


def _allow(workloads: Workloads, name: str) -> Rule:
    ports = [{"port": port, "protocol": protocol} for port, protocol in workloads.ports]
    return {"type": "Allow", "to": {"dnsName": name}, "ports": ports}


def _names(workloads: Workloads, grants: Sequence[Grant]) -> Iterator[str]:
    for grant in grants:
        text = host(grant.pattern)
        if one_level(grant.pattern):
            continue
        if not is_host(text) or "." not in text:
            workloads.leave_out(grant, "EgressFirewall takes host names, and * in front of one only")
        elif grant.pattern.reach is not Reach.BELOW and not workloads.is_denied(grant):
            yield text


def _wildcards(workloads: Workloads, grants: Sequence[Grant]) -> Iterator[tuple[str, list[str]]]:
    """Wildcards, which are for one label, and what has to be denied in front of them."""
    for grant in grants:
        pattern, text = grant.pattern, host(grant.pattern)
        if behind := one_level(pattern):
            if "." not in behind:
                workloads.leave_out(grant, "EgressFirewall takes names of two labels and more")
                continue
        elif pattern.reach is Reach.EXACT or not is_host(text) or "." not in text:
            continue
        else:
            workloads.leave_out(grant, "one label below the name; deeper names stay closed, since * is one label there")
            pattern = one_label_below(pattern)
        denials = workloads.denials(grant, pattern)
        written = [to_text(name).removesuffix(".") for name in denials]
        if any(ANY_NAME in labels(name) for name in denials) or not all(map(is_host, written)):
            workloads.leave_out_wildcard(grant, pattern, denials)
        else:
            yield host(pattern), written
