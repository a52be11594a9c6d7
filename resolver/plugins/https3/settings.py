"""``https3 { max_streams N; max_connections N }`` as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resolver.config.cursor import integer, no_args, option_values, value
from resolver.config.model import Directive

LIBRARY_STREAMS: Final = 100  # what 0 means: the number that QUIC libraries begin with
_MOST_STREAMS: Final = 65_536  # on one connection
_MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits; None is the listener's own, ``connections`` 0 none."""

    streams: int | None = None
    connections: int | None = None


def parse(directive: Directive) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    readers = {"max_streams": value(integer, 0, _MOST_STREAMS), "max_connections": value(integer, 0, _MOST)}
    values = option_values(directive, readers)
    streams = values.get("max_streams")
    return Settings(LIBRARY_STREAMS if streams == 0 else streams, values.get("max_connections"))
