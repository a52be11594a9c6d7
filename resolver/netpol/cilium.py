"""CiliumNetworkPolicy: Cilium reads the answers on their way and opens what they carry, as long as their TTL says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from resolver.manifests.objects import document
from resolver.manifests.pods import labels
from resolver.manifests.text import Document, Note
from resolver.netpol.grants import Grant, Pods
from resolver.netpol.writing import Rule, Workloads, host, object_name
from resolver.policy.patterns import Reach

_PATTERN = re.compile(r"([-a-z0-9_*]+\.)*[-a-z0-9_*]+")
_LONGEST = 255
_SERVICE_ACCOUNT = "io.cilium.k8s.policy.serviceaccount"
_NAMESPACE = "k8s:io.kubernetes.pod.namespace"

SEES = (
    "Cilium opens a name when it sees its answer, so Pods must ask over plain DNS, and through this rule: without it "
    "toFQDNs opens nothing. Names are denied by the server, which knows who asks and says so."
)
DEPTH = "Before Cilium 1.19, **. stands for one label only: deeper names stay closed there."


def write(workloads: Workloads) -> list[Document]:
    """A policy for each namespace, and one for each choice of its Pods that has names of its own.

    What is denied within a wildcard is in no answer that a Pod gets, so that Cilium does not open it.
    """
    workloads.follow("Cilium")
    documents = []
    for namespace in workloads.grants.namespaces:
        for pods, found in workloads.grants.of(namespace).items():
            rules = [*_dns(workloads, pods), *_egress(workloads, found)]
            spec = {"endpointSelector": _selector(pods), "egress": rules}
            documents.append(document("CiliumNetworkPolicy", "cilium.io/v2", object_name(pods), namespace, spec=spec))
    return documents


def _selector(pods: Pods) -> Rule:
    marks = dict(pods.labels)
    if pods.service_account:
        marks[_SERVICE_ACCOUNT] = pods.service_account
    return {"matchLabels": marks} if marks else {}


def _dns(workloads: Workloads, pods: Pods) -> Iterator[Rule]:
    """The rule that all depends on, in the policy for all Pods."""
    if pods.labels or pods.service_account:
        return
    plain = sorted({port["port"] for port in workloads.dns if port["protocol"] == "UDP" and port["port"] != 853})
    if not plain:
        workloads.unsaid.append(
            "the server has no port for plain DNS: Cilium sees no answers, so toFQDNs opens nothing"
        )
    settings = workloads.settings
    yield {
        Note(SEES): None,
        "toEndpoints": [{"matchLabels": {_NAMESPACE: settings.namespace, **labels(settings)}}],
        "toPorts": [
            {
                "ports": [{"port": str(port), "protocol": "ANY"} for port in plain or [53]],
                "rules": {"dns": [{"matchPattern": "*"}]},
            }
        ],
    }


def _egress(workloads: Workloads, grants: Sequence[Grant]) -> Iterator[Rule]:
    selectors: list[Rule] = []
    for grant in grants:
        found = list(_selectors(grant))
        if not found:
            workloads.leave_out(grant, "Cilium does not take such names")
        selectors += [one for one in found if one not in selectors]
    if not selectors:
        return
    rule: Rule = {"toFQDNs": selectors}
    if any(one.get("matchPattern", "").startswith("**.") for one in selectors):
        rule = {Note(DEPTH): None, **rule}
    ports = [{"port": str(port), "protocol": protocol} for port, protocol in workloads.ports]
    yield {**rule, "toPorts": [{"ports": ports}]}


def _selectors(grant: Grant) -> Iterator[Rule]:
    text, reach = host(grant.pattern), grant.pattern.reach
    if not text:
        if reach is not Reach.EXACT:
            yield {"matchPattern": "*"}
        return
    if not _PATTERN.fullmatch(text) or len(text) > _LONGEST - 3:
        return
    if reach is not Reach.BELOW:
        yield {"matchPattern": text} if grant.pattern.stars else {"matchName": text}
    if reach is not Reach.EXACT:
        yield {"matchPattern": f"**.{text}"}
