"""What is denied inside of what rules allow, for formats whose packets do not follow this server's answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from resolver.policy.matching import Matcher
from resolver.policy.patterns import STAR, STAR_LABEL, Pattern, Reach
from resolver.policy.rules import DENY, Rule, Who
from resolver.wire.names import ROOT, is_below, labels, suffixes

if TYPE_CHECKING:
    from resolver.netpol.grants import Pods

_A, _AAAA, _HTTPS = 1, 28, 65
_ADDRESSES: Final = frozenset({_A, _AAAA})
_ALLOWED: Final = frozenset({_A, _AAAA, _HTTPS})
_EVERYBODY: Final = frozenset({0})
ANY_NAME: Final = b"any-name"  # a label that stands for all that no rule names
_DEPTHS: Final = 3
_LONGEST: Final = 240  # octets of a name, with room for such a label


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one policy: in each rank what is asked before the next one, at last what becomes of other names."""

    zones: Sequence[bytes]
    ranks: Sequence[Sequence[Rule]]


Matchers = list[tuple[Sequence[bytes], list[Matcher]]]


@dataclass(slots=True)
class Denials:
    """What several policies deny, of which the one with the longest zone for a name decides.

    What may be denied to any of some Pods counts as denied to all of them: a manifest closes too much rather than too
    little. Rules that deny one family of addresses alone do not count.
    """

    policies: Sequence[Rules] = ()
    _matchers: dict[tuple[Pods, bool], Matchers] = field(default_factory=dict)
    _at: dict[bytes, list[Pattern]] = field(default_factory=dict)
    _below: dict[bytes, list[Pattern]] = field(default_factory=dict)

    def inside(self, pods: Pods, pattern: Pattern, *, personal: bool = False) -> dict[bytes, Rule]:
        """Names that the pattern stands for and rules deny to the Pods, one for each such rule, and what denies it.

        With ``personal``, rules that are for everybody do not count. The label ANY_NAME stands for any.
        """
        matchers = self._for(pods, personal)
        found: dict[bytes, Rule] = {}
        for candidate in self._near(pattern):
            for name in shared(pattern, candidate):
                denies = _denying(matchers, name)
                if denies is not None:
                    found.setdefault(name, denies)
        return found

    def denied(self, pods: Pods, name: bytes, *, personal: bool = False) -> bool:
        """Whether a name (wire format, lower case) is denied to the Pods, or may be to some of them."""
        return _denying(self._for(pods, personal), name) is not None

    def _near(self, pattern: Pattern) -> Iterable[Pattern]:
        """What may deny some of the names that a pattern stands for, found without looking at every rule for each."""
        if not self._at:
            for policy in self.policies:
                for zone in policy.zones:
                    self._note(Pattern(zone, Reach.WITHIN))
                for rule in (rule for rank in policy.ranks for rule in rank if rule.verdict == DENY):
                    self._note(rule.pattern)
        keys = list(suffixes(_plain(pattern.key)))
        above = [found for key in keys[1:] for found in self._at.get(key, ())]
        return dict.fromkeys([*above, *self._below.get(keys[0], ())])

    def _note(self, candidate: Pattern) -> None:
        """Under what stands behind its last star: patterns with a name in common have that in a line."""
        plain = _plain(candidate.key)
        self._at.setdefault(plain, []).append(candidate)
        for key in suffixes(plain):
            self._below.setdefault(key, []).append(candidate)

    def _for(self, pods: Pods, personal: bool) -> Matchers:
        """The rules as these Pods have them, with nothing left that they ask of clients."""
        key = pods, personal
        if key not in self._matchers:
            self._matchers[key] = [
                (policy.zones, [Matcher.of(_as_for(rank, pods, personal)) for rank in policy.ranks])
                for policy in self.policies
            ]
        return self._matchers[key]


def _plain(key: bytes) -> bytes:
    """The part of a key behind its last ``*``."""
    return key.rpartition(STAR_LABEL)[2]


def _denying(policies: Matchers, name: bytes) -> Rule | None:
    """The rule that denies a name, None where it is allowed or in no policy."""
    lengths = [max([len(zone) for zone in zones if is_below(name, zone)], default=0) for zones, _ in policies]
    longest = max(lengths, default=0)
    if not longest:
        return None
    ranks = policies[lengths.index(longest)][1]
    decides = next((found for matcher in ranks if (found := matcher.find(name, _A, _EVERYBODY))), None)
    return decides if decides is not None and decides.verdict == DENY else None


def _as_for(rules: Iterable[Rule], pods: Pods, personal: bool) -> Iterator[Rule]:
    """Denials that may be for some of the Pods, and other rules that are for all of them."""
    for rule in rules:
        if rule.verdict == DENY:
            counts = takes_addresses(rule)
            fits = any(_may_be(who, pods) for who in rule.who) if rule.who else not personal
        else:
            counts = rule.types is None or bool(rule.types & _ALLOWED)
            fits = not rule.who or any(_holds(who, pods) for who in rule.who)
        if counts and fits:
            yield replace(rule, who=(), types=None)


def takes_addresses(rule: Rule) -> bool:
    """Whether a rule that denies leaves no address."""
    return rule.types is None or rule.types >= _ADDRESSES


def _may_be(who: Who, pods: Pods) -> bool:
    """Whether the condition may hold for some of the Pods."""
    accounts = [account.partition("/")[::2] for account in who.service_accounts]
    one_of = (pods.namespace, pods.service_account)
    return (
        (not who.namespaces or pods.namespace in who.namespaces)
        and all(dict(pods.labels).get(key, value) == value for key, value in who.labels)
        and (not accounts or any(own == one_of or (own[0] == one_of[0] and not one_of[1]) for own in accounts))
    )


def _holds(who: Who, pods: Pods) -> bool:
    """Whether the condition holds for all of the Pods."""
    account = f"{pods.namespace}/{pods.service_account}"
    return (
        not who.networks
        and (not who.namespaces or pods.namespace in who.namespaces)
        and set(who.labels) <= set(pods.labels)
        and (not who.service_accounts or account in who.service_accounts)
    )


def shared(one: Pattern, other: Pattern) -> Iterator[bytes]:
    """Names that both stand for, one of each kind that rules tell apart: the shortest, and those below it."""
    own, theirs = (list(labels(pattern.key))[::-1] for pattern in (one, other))
    name = ROOT
    for number in range(max(len(own), len(theirs))):
        here = [found[number] for found in (own, theirs) if number < len(found) and found[number] != STAR]
        label = here[0] if here else ANY_NAME
        name = bytes((len(label),)) + label + name
    for _ in range(_DEPTHS):
        if len(name) < _LONGEST and one.matches(name) and other.matches(name):
            yield name
        name = bytes((len(ANY_NAME),)) + ANY_NAME + name
