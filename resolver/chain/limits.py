"""What directives share that only limit the listeners: https, https3, quic, grpc_server, timeouts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from resolver.chain.capabilities import ListenSettings
from resolver.chain.plugin import Part
from resolver.chain.setup import Setup
from resolver.config.cursor import integer, no_args, option_values, value

MOST: Final = 1_000_000  # more than any process may have files
MOST_STREAMS: Final = 65_536  # on one connection


class Limit(NamedTuple):
    """An option with a whole number: the field of ListenSettings that it sets, and its bounds."""

    field: str
    least: int = 0
    most: int = MOST


class Limits(Part):
    """Puts its limits into the settings of the listeners; has nothing to do with queries.

    ``limits`` are by field of ListenSettings. What is not in there stays the listener's own.
    """

    def __init__(self, limits: Mapping[str, float]) -> None:
        self._limits: dict[str, Any] = dict(limits)

    def listen(self, settings: ListenSettings) -> ListenSettings:
        """The settings with these limits."""
        return replace(settings, **self._limits)


def read_limits(setup: Setup, scheme: str, options: Mapping[str, Limit]) -> dict[str, int]:
    """The limits for listeners of a scheme, by field; warns where no zone of the block is written with it.

    Raises ConfigError or ConfigErrors.
    """
    directive = setup.only
    no_args(directive)
    given = option_values(directive, {name: value(integer, limit.least, limit.most) for name, limit in options.items()})
    if not any(key.text.lower().startswith(f"{scheme}://") for key in setup.block.keys):
        name = directive.name
        setup.host.log.warning(f"{name.at}: {name.text} limits nothing here, no zone is written with {scheme}://")
    return {options[name].field: number for name, number in given.items()}
