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
from resolver.policy.patterns import STAR_LABEL, Pattern, Reach
from resolver.policy.rules import Rule as Deny
from resolver.wire.names import to_text

Rule = dict[str, Any]

NAME = "egress-by-name"
_HOST = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_OTHERS = re.compile(r"[^a-z0-9]+")
_MOST_NAMED = 3  # rules in one line
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

    def is_denied(self, grant: Grant, *, personal: bool = False) -> bool:
        """Whether the name itself of a grant is denied to its Pods, which is said then."""
        denied = self.grants.denials.denied(grant.pods, grant.pattern.key, personal=personal)
        if denied:
            self.leave_out(grant, f"{host(grant.pattern)} itself is denied, to some of these Pods at least")
        return denied

    def denials(self, grant: Grant, wildcard: Pattern, *, personal: bool = False) -> dict[bytes, Deny]:
        """What rules deny to the Pods of a grant of the names that a wildcard stands for (``Denials.inside``)."""
        return self.grants.denials.inside(grant.pods, wildcard, personal=personal)

    def leave_out_wildcard(self, grant: Grant, wildcard: Pattern, denials: Mapping[bytes, Deny]) -> None:
        """Say that a wildcard is not written because it would open what rules deny."""
        text = host(wildcard) if wildcard.stars else f"*.{host(wildcard)}"
        rules = list(dict.fromkeys(one.name for one in denials.values()))
        names = ", ".join(rules[:_MOST_NAMED]) + ", ..." * (len(rules) > _MOST_NAMED)
        self.leave_out(grant, f"{text} would open what is denied ({names}): allow the names that are needed one by one")

    def follow(self, who: str, *, personal: bool = True) -> None:
        """Say which rules the resolver alone enforces, for who opens what it answers. ``personal`` are all of them."""
        for rule in self.grants.denied:
            if personal or not rule.who:
                self.unsaid.append(f"rule {rule.name}: denied by the resolver alone, whose answers {who} follows")

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


def one_label_below(pattern: Pattern) -> Pattern:
    """The names with one label more than the key of a pattern."""
    return Pattern(STAR_LABEL + pattern.key, Reach.EXACT, pattern.stars + 1)


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
