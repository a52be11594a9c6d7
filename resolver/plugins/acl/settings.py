"""``acl [ZONES...] { ACTION [type QTYPE...] [net SOURCE...] }`` as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from resolver.chain.networks import NetworkSet
from resolver.config.cursor import cidr, no_block, options, record_type
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.wire.names import to_text

_SECTIONS: Final = ("type", "net")


@dataclass(frozen=True, slots=True)
class Rule:
    """What to do with queries of ``types`` from ``networks``; None of either is all."""

    action: str
    types: frozenset[int] | None = None
    networks: NetworkSet | None = None


@dataclass(frozen=True, slots=True)
class List:
    """One directive: zones (lower-case wire names with their text) and the rules for names in them, in order."""

    zones: dict[bytes, str]
    rules: tuple[Rule, ...]


def parse(directive: Directive, block_zones: Sequence[bytes]) -> List:
    """Read one directive. Raises ConfigError or ConfigErrors."""
    zones = [wire for word in directive.args for wire in normalize_zones(word)] or list(block_zones)
    rules: list[Rule] = []

    def keep(line: Directive) -> None:
        rules.append(_rule(line))

    options(directive, {"allow": keep, "block": keep, "filter": keep, "drop": keep})
    return List({zone: to_text(zone) for zone in zones}, tuple(rules))


def _rule(line: Directive) -> Rule:
    no_block(line)
    sections = _sections(line)
    types, networks = sections.get("type"), sections.get("net")
    return Rule(
        line.name.text,
        None if types is None or _is_any(types) else frozenset(map(record_type, types)),
        None if networks is None or _is_any(networks) else NetworkSet(map(cidr, networks)),
    )


def _sections(line: Directive) -> dict[str, list[Word]]:
    """What stands behind ``type`` and ``net``; either may be there several times."""
    sections: dict[str, list[Word]] = {}
    current: list[Word] | None = None
    words = line.args
    for number, word in enumerate(words):
        name = word.text.lower()
        if name in _SECTIONS:
            if number + 1 == len(words) or words[number + 1].text.lower() in _SECTIONS:
                raise word.error(f"{line.name.text} has nothing behind {name}")
            current = sections.setdefault(name, [])
        elif current is None:
            raise word.error(f"unexpected {word.text!r}", "a rule goes on with: type QTYPE... or net SOURCE...")
        else:
            current.append(word)
    return sections


def _is_any(words: Sequence[Word]) -> bool:
    return any(word.text == "*" for word in words)
