"""Rules, what they ask of clients, and what comes out of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resolver.chain.networks import Network
from resolver.errors import Place
from resolver.policy.patterns import Pattern

ALLOW: Final = "allow"
DENY: Final = "deny"
AUDIT: Final = "audit"
AUDIT_ONLY: Final = "audit-only"
REFUSED, NXDOMAIN, NODATA, SINKHOLE, DROP = "refused", "nxdomain", "nodata", "sinkhole", "drop"
ACTIONS: Final = (REFUSED, NXDOMAIN, NODATA, SINKHOLE, DROP)


@dataclass(frozen=True, slots=True)
class Who:
    """A condition on a client: every kind that is given has to hold.

    Of ``networks``, ``namespaces`` and ``service_accounts`` (``namespace/name``) one has to fit, of ``labels`` all.
    """

    networks: tuple[Network, ...] = ()
    namespaces: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()
    service_accounts: tuple[str, ...] = ()

    @property
    def needs_identity(self) -> bool:
        """Whether the Pod behind an address has to be known."""
        return bool(self.namespaces or self.labels or self.service_accounts)


Whos = tuple[Who, ...]
"""Conditions of which one has to hold; empty where everybody is meant."""

EVERYBODY: Final[Whos] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said in place of an answer; ``addresses`` (packed, 4 or 16 octets) are those of a sinkhole."""

    action: str = REFUSED
    addresses: tuple[bytes, ...] = ()


REFUSAL: Final = Answer()


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do (``allow``, ``deny``, ``audit``) with names for clients.

    ``types`` None is all types. ``answer`` None is the one that the policy has for denials. ``name`` is what people
    call the rule, ``at`` where it stands.
    """

    verdict: str
    pattern: Pattern
    at: Place
    who: Whos = EVERYBODY
    types: frozenset[int] | None = None
    answer: Answer | None = None
    given_name: str = ""

    @property
    def name(self) -> str:
        """The name that was given, or verb and destination."""
        return self.given_name or f"{self.verdict} {self.pattern.text}"

    @property
    def is_for_pods(self) -> bool:
        """Whether it has to be known which Pod asks."""
        return any(who.needs_identity for who in self.who)


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy says about a name: ``action`` is ``allow``, ``audit-only``, one of ACTIONS, or what a
    response policy zone says.

    ``would`` is the action of a denial that is only written down. ``rule`` is its name for people and ``at`` its place,
    None for the default. ``explicit`` says that a rule named the name; ``personal`` that it did so for some
    clients only; ``named`` that somebody gave the rule its name; ``watched`` that the rule only wants to see it. With
    ``doubtful`` it was a rule for Pods, and it is not known which Pod the client is.
    """

    action: str
    rule: str = "default"
    at: Place | None = None
    answer: Answer = REFUSAL
    would: str = ""
    explicit: bool = True
    personal: bool = False
    named: bool = False
    doubtful: bool = False
    watched: bool = False

    @property
    def is_rule_against(self) -> bool:
        """Whether something other than the default denied it, or would have."""
        return self.explicit and not self.watched and self.action != ALLOW

    @property
    def denies(self) -> bool:
        """Whether the client does not get what he asked for."""
        return self.action not in (ALLOW, AUDIT_ONLY)


def decision(rule: Rule, default: Answer, *, audit_only: bool = False, doubtful: bool = False) -> Decision:
    """What comes out where a rule decides; with ``doubtful``, for a client of whom it is not known who he is."""
    shown = {"rule": rule.name, "at": rule.at, "personal": bool(rule.who), "named": bool(rule.given_name)}
    shown |= {"doubtful": doubtful and rule.is_for_pods, "watched": rule.verdict == AUDIT}
    if rule.verdict == ALLOW:
        return Decision(ALLOW, **shown)  # type: ignore[arg-type]
    answer = rule.answer or default
    if rule.verdict == AUDIT or audit_only:
        return Decision(AUDIT_ONLY, answer=answer, would=answer.action, **shown)  # type: ignore[arg-type]
    return Decision(answer.action, answer=answer, **shown)  # type: ignore[arg-type]
