"""What all formats for workloads have in common."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from resolver.manifests.settings import Settings
from resolver.manifests.text import Document
from resolver.netpol.grants import Grant, Grants, Pods
from resolver.netpol.resolving import Found
from resolver.policy.patterns import Pattern, Reach
from resolver.wire.names import to_text

Rule = dict[str, Any]

NAME = "egress-by-name"
_HOST = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_OTHERS = re.compile(r"[^a-z0-9]+")
_ROOM = 200  # characters of a name


@dataclass(slots=True)
class Workloads:
    """What is to be written: the grants, the server that is asked, the ports that names are reached at.

    ``dns`` are the ports of the server. ``unsaid`` collects what a format cannot say.
    """

    grants: Grants
    settings: Settings
    dns: Sequence[Rule]
    ports: Sequence[tuple[int, str]]
    known: Mapping[str, Sequence[Found]] = field(default_factory=dict)
    unsaid: list[str] = field(default_factory=list)

    def leave_out(self, grant: Grant, why: str) -> None:
        """Say that a grant, or some of it, is not in what is written."""
        self.unsaid.append(f"{grant.pods.namespace}: rule {grant.rule}: {grant.pattern.text}: {why}")

    def leave_out_pods(self, pods: Pods, why: str) -> None:
        """Say that grants for some Pods are not in what is written."""
        self.unsaid.append(f"{pods.namespace}: what is allowed to {shown(pods)}: {why}")

    def port_rules(self) -> list[Rule]:
        """The ports as NetworkPolicy has them."""
        return [{"port": port, "protocol": protocol} for port, protocol in self.ports]


PORTS_NOTE = "resolver.k8s/ports"
ASSUMED_PORTS = ((443, "TCP"),)
ASSUMED = "443/TCP is assumed: rules have names and no ports, and no --port was given"


def assumed_ports(documents: Sequence[Document]) -> list[Document]:
    """The same, each with an annotation that says that nobody chose the ports; it stays when they are applied."""
    return [
        {**one, "metadata": {**one["metadata"], "annotations": {PORTS_NOTE: ASSUMED}}} if _has_ports(one) else one
        for one in documents
    ]


def _has_ports(document: Document) -> bool:
    """A Sidecar names none, and closes what is no entry."""
    return bool(document["kind"] != "Sidecar")


Format = Callable[[Workloads], list[Document]]


def host(pattern: Pattern) -> str:
    """The name behind the pattern's reach, in lower case without a final dot; empty for the root."""
    return to_text(pattern.key).removesuffix(".")


def is_host(text: str) -> bool:
    """Whether this is a host name as all formats take it, with no wildcard."""
    return bool(_HOST.fullmatch(text))


def one_level(pattern: Pattern) -> str:
    """The host behind the only ``*``, which stands in front; empty where the pattern is another one."""
    text = host(pattern)
    alone = pattern.reach is Reach.EXACT and pattern.stars == 1 and text.startswith("*.")
    return text[2:] if alone and is_host(text[2:]) else ""


def object_name(pods: Pods) -> str:
    """The name of the object for these Pods, another one for others."""
    if not pods.labels and not pods.service_account:
        return NAME
    text = shown(pods)
    slug = _OTHERS.sub("-", text.lower()).strip("-")[:_ROOM].strip("-")
    return f"{NAME}-{slug}-{sha256(text.encode()).hexdigest()[:6]}"


def shown(pods: Pods) -> str:
    """The Pods of a namespace for people."""
    words = [f"{key}={value}" for key, value in pods.labels]
    words += [f"service account {pods.service_account}"] if pods.service_account else []
    return " ".join(words) or "all Pods"
