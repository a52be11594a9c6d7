"""What a namespace may say about names that were handed to it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from resolver.errors import ConfigError
from resolver.policy.patterns import Pattern
from resolver.policy.rules import Rule, Who


@dataclass(frozen=True, slots=True)
class Delegation:
    """The names about which the namespace may make rules, for its own Pods only."""

    namespace: str
    patterns: tuple[Pattern, ...]

    def covers(self, pattern: Pattern) -> bool:
        """Whether all names of the pattern were handed to the namespace."""
        return any(own.covers(pattern) for own in self.patterns)


def confine(rules: Iterable[Rule], delegation: Delegation) -> tuple[list[Rule], list[ConfigError]]:
    """The rules as they hold for the namespace's Pods, and what is wrong with those that reach further.

    Conditions on clients become those of Pods of the namespace; a rule that asks for another namespace or for somebody
    else's service account is refused, and so is one for names that were not delegated.
    """
    kept: list[Rule] = []
    mistakes: list[ConfigError] = []
    for rule in rules:
        problem = _problem(rule, delegation)
        if problem:
            mistakes.append(ConfigError(problem, rule.at))
            continue
        kept.append(replace(rule, who=_own(rule.who, delegation.namespace)))
    return kept, mistakes


def _problem(rule: Rule, delegation: Delegation) -> str:
    own = delegation.namespace
    if not delegation.covers(rule.pattern):
        return f"{rule.pattern.text} is not delegated to the namespace {own}"
    for who in rule.who:
        other = next((one for one in who.namespaces if one != own), "")
        if other:
            return f"the namespace {own} has no say about clients of the namespace {other}"
        other = next((one for one in who.service_accounts if one.partition("/")[0] != own), "")
        if other:
            return f"the namespace {own} has no say about the service account {other}"
    return ""


def _own(whos: Sequence[Who], namespace: str) -> tuple[Who, ...]:
    return tuple(replace(who, namespaces=(namespace,)) for who in whos) or (Who(namespaces=(namespace,)),)
