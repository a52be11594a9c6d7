"""``quic { max_streams N; worker_pool_size N; max_connections N }`` as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from resolver.config.cursor import integer, no_args, option_values, value
from resolver.config.model import Directive

MOST_STREAMS: Final = 65_536  # on one connection
_MOST: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Settings:
    """Limits; None is the listener's own, ``connections`` 0 none."""

    streams: int | None = None
    workers: int | None = None
    connections: int | None = None


def parse(directive: Directive) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    readers = {
        "max_streams": value(integer, 1, MOST_STREAMS),
        "worker_pool_size": value(integer, 1, _MOST),
        "max_connections": value(integer, 0, _MOST),
    }
    values = option_values(directive, readers)
    return Settings(values.get("max_streams"), values.get("worker_pool_size"), values.get("max_connections"))
