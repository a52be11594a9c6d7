"""timeouts: how long connections may take, and how many queries each may bring."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from resolver.chain.capabilities import ListenSettings
from resolver.chain.plugin import Part
from resolver.chain.setup import Setup
from resolver.config.cursor import duration, integer, no_args, option_values, value
from resolver.config.model import Directive

__all__ = ["Timeouts", "setup"]

SHORTEST, LONGEST = 1.0, 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Times are in seconds. None leaves the listener's own; ``queries`` 0 is no limit."""

    read: float | None = None
    write: float | None = None
    idle: float | None = None
    queries: int | None = None


def setup(setup: Setup) -> Timeouts:
    """The part. Raises ConfigError or ConfigErrors, also where no option is given."""
    return Timeouts(parse(setup.only))


def parse(directive: Directive) -> Settings:
    """Settings from the directive. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    time = value(duration, SHORTEST, LONGEST, plain_seconds=True)
    values = option_values(directive, {"read": time, "write": time, "idle": time, "maxtcpqueries": _queries})
    if not values:
        raise directive.error("timeouts sets nothing", "give it a block with read, write, idle or maxtcpqueries")
    return Settings(queries=values.pop("maxtcpqueries", None), **values)


def _queries(option: Directive) -> int:
    number = value(integer, -1)(option)
    if number == 0:
        raise option.args[0].error("maxtcpqueries cannot be 0", "-1 is no limit")
    return max(number, 0)


class Timeouts(Part):
    """Puts its times into the settings of the listeners."""

    name: ClassVar[str] = "timeouts"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def listen(self, settings: ListenSettings) -> ListenSettings:
        own = self.settings
        return replace(
            settings,
            read_timeout=settings.read_timeout if own.read is None else own.read,
            write_timeout=settings.write_timeout if own.write is None else own.write,
            idle_timeout=settings.idle_timeout if own.idle is None else own.idle,
            max_queries_per_connection=settings.max_queries_per_connection if own.queries is None else own.queries,
        )
