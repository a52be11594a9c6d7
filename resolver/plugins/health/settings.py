"""``health [ADDRESS] { lameduck DURATION }`` as a value."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.config.cursor import args, duration, host_port, option_values, value
from resolver.config.model import Directive

DEFAULT_ADDRESS = ("", 8080)


@dataclass(frozen=True, slots=True)
class Settings:
    """``address`` is host (empty for all) and port; ``lameduck`` in seconds."""

    address: tuple[str, int] = DEFAULT_ADDRESS
    lameduck: float = 0.0


def parse(directive: Directive) -> Settings:
    """Read the directive. Raises ConfigError."""
    words = args(directive, 0, 1)
    address = host_port(words[0]) if words else DEFAULT_ADDRESS
    return Settings(address, **option_values(directive, {"lameduck": value(duration)}))
