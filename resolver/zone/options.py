"""Arguments and options that the directives for zones have in common."""

from __future__ import annotations

from typing import Final

from resolver.config.cursor import duration, no_block, value
from resolver.config.model import Directive, Word
from resolver.config.zones import normalize_zones
from resolver.telemetry.log import Log
from resolver.wire.names import ROOT

DEFAULT_RELOAD: Final = 60.0
SHORTEST_RELOAD: Final = 0.01
LONGEST_RELOAD: Final = 7 * 24 * 3600.0


def read_zones(words: tuple[Word, ...]) -> tuple[bytes, ...]:
    """Zones as lower-case wire names, each once. Raises ConfigError or ConfigErrors."""
    return tuple(dict.fromkeys(zone for word in words for zone in normalize_zones(word)))


def read_reload(option: Directive) -> float:
    """``reload DURATION`` in seconds; 0 turns it off. Raises ConfigError."""
    seconds = value(duration, 0, LONGEST_RELOAD)(option)
    if 0 < seconds < SHORTEST_RELOAD:
        raise option.args[0].error(f"reload is shorter than {SHORTEST_RELOAD * 1000:g}ms", "0 turns it off")
    return seconds


def read_fallthrough(option: Directive) -> tuple[bytes, ...]:
    """``fallthrough [ZONES...]``; the root without any. Raises ConfigError or ConfigErrors."""
    no_block(option)
    return read_zones(option.args) or (ROOT,)


def read_upstream(option: Directive) -> bool:
    """``upstream ...`` of old configurations, with whatever stands behind it. Raises ConfigError."""
    no_block(option)
    return True


def tell_upstream(log: Log) -> None:
    """Say that ``upstream`` is not needed any more."""
    log.warning("upstream has no effect: the targets of aliases are always asked of this server")
