"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.config.cursor import args, choice, duration, flag, no_block, option_values
from resolver.config.model import Directive
from resolver.config.pattern import Pattern, compiled

LEVELS = ("debug", "info", "warning", "error")
LONGEST_PERIOD = 30 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Consolidation:
    """Errors to count instead of to print; ``period`` is in seconds and ``level`` in capitals."""

    period: float
    pattern: Pattern
    level: str = "ERROR"
    show_first: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """The first consolidation that matches an error takes it."""

    stacktrace: bool = False
    consolidate: tuple[Consolidation, ...] = ()


def parse(directive: Directive) -> Settings:
    """Settings from the directive; ``errors stdout`` is the old way to write ``errors``. Raises ConfigError(s)."""
    for word in args(directive, 0, 1):
        choice(word, ("stdout",))
    readers = {"stacktrace": flag, "consolidate": _consolidation}
    return Settings(**option_values(directive, readers, lists=("consolidate",)))


def _consolidation(option: Directive) -> tuple[Consolidation]:
    no_block(option)
    period, pattern, *rest = args(option, 2, 4)
    levels = [word for word in rest if word.text != "show_first"]
    for word in levels:
        choice(word, (*LEVELS, "show_first"))
    if len(levels) > 1:
        raise levels[1].error("consolidate takes one level")
    if len(rest) > len(levels) + 1:
        raise rest[1].error("show_first is already given")
    if levels and rest[0] is not levels[0]:
        raise levels[0].error("the level stands before show_first")
    level = levels[0].text.upper() if levels else "ERROR"
    return (Consolidation(duration(period, 1e-3, LONGEST_PERIOD), compiled(pattern), level, len(rest) > len(levels)),)
