"""``reload [INTERVAL] [JITTER]`` as a value."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.config.cursor import args, duration, no_block
from resolver.config.model import Directive

SHORTEST_INTERVAL = 2.0
SHORTEST_JITTER = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Both in seconds; ``jitter`` is at most half of ``interval``, 0 for none."""

    interval: float = 30.0
    jitter: float = 15.0


def parse(directive: Directive) -> Settings:
    """Read the directive. Raises ConfigError."""
    no_block(directive)
    words = args(directive, 0, 2)
    defaults = Settings()
    interval = duration(words[0]) if words else defaults.interval
    if interval < SHORTEST_INTERVAL:
        raise words[0].error(f"the interval {words[0].text} is too short", f"at least {SHORTEST_INTERVAL:g}s")
    jitter = duration(words[1]) if len(words) > 1 else defaults.jitter
    if 0 < jitter < SHORTEST_JITTER:
        raise words[1].error(f"the jitter {words[1].text} is too short", f"0s or at least {SHORTEST_JITTER:g}s")
    return Settings(interval, min(jitter, interval / 2))
