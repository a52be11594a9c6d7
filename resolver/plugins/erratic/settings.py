"""``erratic { drop; truncate; delay; large }`` as a value."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.config.cursor import args, duration, flag, integer, no_args, no_block, option_values
from resolver.config.model import Directive

_USUAL = 2
_MOST = 2**31 - 1
_USUAL_DELAY = 0.1  # seconds
_LONGEST_DELAY = 60.0


@dataclass(frozen=True, slots=True)
class Settings:
    """One query of so many is dropped, truncated, or delayed by ``duration`` seconds; 0 is none."""

    drop: int = _USUAL
    truncate: int = 0
    delay: int = 0
    duration: float = _USUAL_DELAY
    large: bool = False


def parse(directive: Directive) -> Settings:
    """Read the directive; who delays or truncates drops nothing unless told to. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    readers = {"drop": _amount, "truncate": _amount, "delay": _delay, "large": flag}
    values = option_values(directive, readers)
    delay, duration = values.pop("delay", (0, _USUAL_DELAY))
    if "drop" not in values and (delay or values.get("truncate")):
        values["drop"] = 0
    return Settings(delay=delay, duration=duration, **values)


def _amount(option: Directive) -> int:
    no_block(option)
    words = args(option, 0, 1)
    return integer(words[0], 0, _MOST) if words else _USUAL


def _delay(option: Directive) -> tuple[int, float]:
    no_block(option)
    words = args(option, 0, 2)
    amount = integer(words[0], 0, _MOST) if words else _USUAL
    if len(words) < 2:
        return amount, _USUAL_DELAY
    late = duration(words[1])
    if not 0 <= late <= _LONGEST_DELAY:
        raise words[1].error(f"a delay is at most {_LONGEST_DELAY:.0f}s")
    return amount, late
