"""``ready [ADDRESS] { monitor until-ready|continuously }`` as a value."""

from __future__ import annotations

from dataclasses import dataclass

from resolver.config.cursor import args, choice, host_port, option_values, value
from resolver.config.model import Directive

DEFAULT_ADDRESS = ("", 8181)
UNTIL_READY, CONTINUOUSLY = "until-ready", "continuously"


@dataclass(frozen=True, slots=True)
class Settings:
    """``address`` is host (empty for all) and port; ``monitor`` tells how long parts are asked."""

    address: tuple[str, int] = DEFAULT_ADDRESS
    monitor: str = UNTIL_READY


def parse(directive: Directive) -> Settings:
    """Read the directive. Raises ConfigError."""
    words = args(directive, 0, 1)
    address = host_port(words[0]) if words else DEFAULT_ADDRESS
    readers = {"monitor": value(choice, (UNTIL_READY, CONTINUOUSLY))}
    return Settings(address, **option_values(directive, readers))
