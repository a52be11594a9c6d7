"""https: how many connections the listeners of https:// server blocks hold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar, Final

from resolver.chain.capabilities import ListenSettings
from resolver.chain.plugin import Part
from resolver.chain.setup import Setup
from resolver.config.cursor import integer, no_args, option_values, value
from resolver.config.model import Directive

__all__ = ["Https", "setup"]

_MOST: Final = 1_000_000  # more than any process may have files


@dataclass(frozen=True, slots=True)
class Settings:
    """``connections`` 0 is no limit, None the listener's own."""

    connections: int | None = None


def setup(setup: Setup) -> Https:
    """The part. Raises ConfigError or ConfigErrors."""
    part = Https(parse(setup.only))
    if not any(key.text.lower().startswith("https://") for key in setup.block.keys):
        setup.host.log.warning(f"{setup.only.name.at}: https limits nothing here, no zone is written with https://")
    return part


def parse(directive: Directive) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    values = option_values(directive, {"max_connections": value(integer, 0, _MOST)})
    return Settings(values.get("max_connections"))


class Https(Part):
    """Puts its limit into the settings of the listeners."""

    name: ClassVar[str] = "https"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def listen(self, settings: ListenSettings) -> ListenSettings:
        """The settings with the limit."""
        limit = self.settings.connections
        return settings if limit is None else replace(settings, https_connections=limit)
