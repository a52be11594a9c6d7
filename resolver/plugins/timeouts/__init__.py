"""timeouts: how long connections may take, and how many queries each may bring."""

from __future__ import annotations

from typing import ClassVar, Final

from resolver.chain.limits import Limits
from resolver.chain.setup import Setup
from resolver.config.cursor import duration, integer, no_args, option_values, value
from resolver.config.model import Directive

__all__ = ["Timeouts", "setup"]

SHORTEST, LONGEST = 1.0, 24 * 3600.0
_FIELDS: Final = {
    "read": "read_timeout",
    "write": "write_timeout",
    "idle": "idle_timeout",
    "maxtcpqueries": "max_queries_per_connection",
}


class Timeouts(Limits):
    """Times in seconds, and a number of queries: 0 is no limit."""

    name: ClassVar[str] = "timeouts"


def setup(setup: Setup) -> Timeouts:
    """The part. Raises ConfigError or ConfigErrors, also where no option is given."""
    return Timeouts(parse(setup.only))


def parse(directive: Directive) -> dict[str, float]:
    """The limits by field. Raises ConfigError or ConfigErrors."""
    no_args(directive)
    time = value(duration, SHORTEST, LONGEST, plain_seconds=True)
    given = option_values(directive, {"read": time, "write": time, "idle": time, "maxtcpqueries": _queries})
    if not given:
        raise directive.error("timeouts sets nothing", "give it a block with read, write, idle or maxtcpqueries")
    return {_FIELDS[name]: limit for name, limit in given.items()}


def _queries(option: Directive) -> int:
    number = value(integer, -1)(option)
    if number == 0:
        raise option.args[0].error("maxtcpqueries cannot be 0", "-1 is no limit")
    return max(number, 0)
