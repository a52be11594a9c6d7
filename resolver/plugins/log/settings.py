"""What the directives say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resolver.chain.placeholders import COMMON, Format
from resolver.config.cursor import choice, each, option_values
from resolver.config.model import Directive
from resolver.config.zones import normalize_zones
from resolver.plugins.log.classify import CLASSES
from resolver.wire.names import ROOT

OWN_LABELS: Final = frozenset(("log/class", "log/type"))


@dataclass(frozen=True, slots=True)
class Rule:
    """Log answers of these classes for names in a zone (lower-case wire name)."""

    zone: bytes
    format: Format
    classes: frozenset[str] = CLASSES

    @property
    def varies(self) -> bool:
        """Whether a line tells of more than query and answer hold."""
        return any(label not in OWN_LABELS for label in self.format.labels)


def parse(directive: Directive) -> tuple[Rule, ...]:
    """The rules of one ``log`` line, one for each of its names. Raises ConfigError or ConfigErrors."""
    words = directive.args
    template = COMMON
    if words and "{" in words[-1].text:
        template, words = words[-1].text, words[:-1]
    zones = tuple(zone for word in words for zone in normalize_zones(word)) or (ROOT,)
    named = option_values(directive, {"class": each(choice, ("all", *sorted(CLASSES)))}, lists=("class",))
    classes = frozenset(named.get("class", ("all",)))
    form = Format(template)
    return tuple(Rule(zone, form, CLASSES if "all" in classes else classes) for zone in zones)
