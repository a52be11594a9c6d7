"""What the directive says."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.config.cursor import choice, duration, no_args, option_values, value
from resolver.config.model import Directive

SHORTEST_WATCH, LONGEST_WATCH = 1.0, 24 * 3600.0
DEFAULT_WATCH = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """``watch`` is the time in seconds between two looks while running, 0 for none.

    ``exit_at_start`` and ``exit_later`` say whether a loop found then ends the process; else it makes it unready.
    """

    watch: float = 0.0
    exit_at_start: bool = True
    exit_later: bool = False


def parse(directive: Directive) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    readers = {"watch": value(duration, SHORTEST_WATCH, LONGEST_WATCH), "action": value(choice, ("exit", "unready"))}
    values = option_values(directive, readers)
    action = values.get("action")
    watch = values.get("watch", DEFAULT_WATCH if action == "unready" else 0.0)
    return Settings(watch, exit_at_start=action != "unready", exit_later=action == "exit")
