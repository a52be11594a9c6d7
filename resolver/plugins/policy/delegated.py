"""The lines ``configmaps`` and ``delegate``: what namespaces may say themselves, and where they say it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from resolver.chain.setup import Block
from resolver.config.cursor import args, no_block
from resolver.config.model import Directive, Word
from resolver.kube.source import Source
from resolver.policy.delegation import Delegation
from resolver.policy.patterns import Pattern
from resolver.policy.reading import pattern

LABEL: Final = "resolver.k8s/policy"
EVERY_NAMESPACE: Final = "*"
MAX_NAMESPACES: Final = 100
_PART: Final = r"[A-Za-z0-9](?:[-_.A-Za-z0-9]{0,61}[A-Za-z0-9])?"
_LABEL: Final = re.compile(rf"(?:[a-z0-9](?:[-.a-z0-9]{{0,251}}[a-z0-9])?/)?{_PART}(?:=(?:{_PART})?)?")
_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")

Delegated = Mapping[str, tuple[Pattern, ...]]
"""Names by the namespace to which they were delegated, ``*`` for all of them."""


@dataclass(frozen=True, slots=True)
class ConfigMaps:
    """ConfigMaps that ``selector`` chooses, of ``namespaces`` or of all if empty, from the API behind ``source``."""

    line: Directive
    selector: str
    namespaces: tuple[str, ...]
    source: Source


def config_maps(line: Directive, block: Block) -> ConfigMaps:
    """Read ``configmaps [LABEL[=VALUE]] [namespace NAMESPACE...]``. Raises ConfigError."""
    no_block(line)
    words = list(line.args)
    selector = LABEL
    if words and words[0].text != "namespace":
        selector = words.pop(0).text
        if not _LABEL.fullmatch(selector):
            raise line.args[0].error(f"{selector[:80]!r} is not a label", f"write it like {LABEL} or {LABEL}=yes")
    if words and words[0].text != "namespace":
        raise words[0].error(f"unexpected {words[0].text!r}", "namespace NAMESPACE...")
    if len(words) == 1:
        raise words[0].error("there is nothing behind namespace")
    if len(words) > 1 + MAX_NAMESPACES:
        raise words[0].error(f"more than {MAX_NAMESPACES} namespaces are named", "leave them out to watch all")
    namespaces = tuple(dict.fromkeys(map(_namespace, words[1:])))
    return ConfigMaps(line, selector, namespaces, Source.beside(block, "identity", "kubernetes"))


def delegate(line: Directive) -> tuple[str, tuple[Pattern, ...]]:
    """Read ``delegate NAMESPACE|* DESTINATION...``. Raises ConfigError."""
    no_block(line)
    words = args(line, 2)
    namespace = EVERY_NAMESPACE if words[0].text == EVERY_NAMESPACE else _namespace(words[0])
    return namespace, tuple(map(pattern, words[1:]))


def gathered(lines: list[tuple[str, tuple[Pattern, ...]]]) -> Delegated:
    """All lines about a namespace together."""
    found: dict[str, tuple[Pattern, ...]] = {}
    for namespace, patterns in lines:
        found[namespace] = tuple(dict.fromkeys((*found.get(namespace, ()), *patterns)))
    return found


def delegation_of(delegated: Delegated, namespace: str) -> Delegation | None:
    """What a namespace was given, by name or as one of all; None where that is nothing."""
    patterns = (*delegated.get(namespace, ()), *delegated.get(EVERY_NAMESPACE, ()))
    return Delegation(namespace, patterns) if patterns else None


def _namespace(word: Word) -> str:
    if not _NAMESPACE.fullmatch(word.text):
        raise word.error(f"{word.text[:80]!r} is not the name of a namespace")
    return word.text
