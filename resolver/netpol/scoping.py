"""Rules as far as their policy goes: of several policies, the one with the longest zone for a name counts."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from resolver.policy.patterns import Pattern, Reach
from resolver.policy.rules import ALLOW, Rule
from resolver.wire.names import count_labels

Zones = Collection[bytes]


def scoped(rules: Iterable[Rule], zones: Zones, others: Zones) -> tuple[list[Rule], list[str]]:
    """The rules of a policy for ``zones``, no wider than those, and what of them decides nothing or not alone.

    ``others`` are the zones of all other policies (lower-case wire names).
    """
    kept: list[Rule] = []
    unsaid: list[str] = []
    for rule in rules:
        patterns = list(_within(rule.pattern, zones, others))
        kept += [replace(rule, pattern=pattern) for pattern in patterns]
        if rule.verdict != ALLOW:
            continue
        if not patterns:
            unsaid.append(
                f"rule {rule.name}: it is not for names in the zones of its policy, so nothing is opened for it"
            )
        unsaid += _elsewhere(rule, patterns, zones, others)
    return kept, unsaid


def _within(pattern: Pattern, zones: Zones, others: Zones) -> Iterator[Pattern]:
    """The pattern, or the zones in it; without what longer zones of others take."""
    for zone in zones:
        whole = Pattern(zone, Reach.WITHIN)
        if whole.covers(pattern):
            found = pattern
        elif pattern.covers(whole):
            found = whole
        else:
            continue
        if not any(_is_longer(other, zone) and Pattern(other, Reach.WITHIN).covers(found) for other in others):
            yield found


def _elsewhere(rule: Rule, patterns: Sequence[Pattern], zones: Zones, others: Zones) -> Iterator[str]:
    for other in others:
        inner = Pattern(other, Reach.WITHIN)
        if other not in zones and any(pattern.covers(inner) for pattern in patterns):
            yield f"rule {rule.name}: another policy decides about {inner.text}"


def _is_longer(one: bytes, other: bytes) -> bool:
    return count_labels(one) > count_labels(other)
