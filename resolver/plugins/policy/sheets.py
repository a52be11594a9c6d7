"""ConfigMaps with rules of a namespace, as values, and what of them may be said."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from resolver.chain.turns import Turns
from resolver.errors import ConfigError, ConfigErrors
from resolver.policy.delegation import Delegation, confine
from resolver.policy.reading import is_yaml, parse_rules, parsing_rules
from resolver.policy.rules import AUDIT, SINKHOLE, Rule
from resolver.zone.files import unseen

MAX_OCTETS: Final = 64 << 10
MAX_RULE_NAME: Final = 63


@dataclass(frozen=True, slots=True)
class Sheet:
    """A ConfigMap: its texts by their keys, in the order of those. ``fault`` says why it has none that can be read."""

    namespace: str
    name: str
    texts: tuple[tuple[str, str], ...] = ()
    fault: str = ""


def sheet_of(tree: dict[str, Any]) -> Sheet:
    """The sheet that an object of the API is; one that cannot be used is one too, so that its last version stays."""
    metadata = tree["metadata"]
    namespace, name = str(metadata.get("namespace", "")), str(metadata.get("name", ""))
    data = tree.get("data") or {}
    if not isinstance(data, dict) or not all(isinstance(text, str) for text in data.values()):
        return Sheet(namespace, name, fault="its data are not texts")
    if tree.get("binaryData"):
        return Sheet(namespace, name, fault="rules are text: it has binaryData")
    octets = sum(len(text.encode("utf-8", "replace")) for text in data.values())
    if octets > MAX_OCTETS:
        return Sheet(namespace, name, fault=f"it has {octets} octets, and {MAX_OCTETS} are the most")
    return Sheet(namespace, name, tuple(sorted(data.items())))


async def read(sheet: Sheet, delegation: Delegation | None) -> list[Rule]:
    """The rules of a sheet as they hold for the Pods of its namespace. Raises ConfigError or ConfigErrors.

    Others have their turns meanwhile. One mistake is enough for none of the rules to count.
    """
    if sheet.fault:
        raise ConfigError(sheet.fault)
    if delegation is None:
        raise ConfigError(f"nothing is delegated to the namespace {sheet.namespace}")
    rules: list[Rule] = []
    for key, text in sheet.texts:
        origin = f"{sheet.namespace}/{sheet.name}/{key}"
        if is_yaml(text):  # reading YAML has no steps
            rules += await asyncio.to_thread(parse_rules, text, origin)
        else:
            rules += await Turns().all(unseen(parsing_rules(text, origin)))
    kept, mistakes = confine(rules, delegation)
    mistakes += _unfit(rules)
    if mistakes:
        raise ConfigErrors(mistakes)
    return [_named(rule, sheet.namespace) for rule in kept]


def _unfit(rules: Sequence[Rule]) -> Iterator[ConfigError]:
    """What is for operators alone."""
    for rule in rules:
        if rule.verdict == AUDIT:
            yield ConfigError("the rules of a namespace allow and deny; audit is for operators", rule.at)
        elif rule.answer is not None and rule.answer.action == SINKHOLE:
            yield ConfigError("the rules of a namespace have no sinkhole", rule.at)
        elif len(rule.given_name) > MAX_RULE_NAME:
            yield ConfigError(f"the name of a rule has at most {MAX_RULE_NAME} characters", rule.at)


def _named(rule: Rule, namespace: str) -> Rule:
    """Names begin with the namespace, so that none of them is that of an operator's rule."""
    return replace(rule, given_name=f"{namespace}/{rule.given_name}") if rule.given_name else rule
