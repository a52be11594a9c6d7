"""debug: details in the log, and where unforeseen errors happened."""

from __future__ import annotations

from typing import ClassVar

from resolver.chain.plugin import Part
from resolver.chain.setup import Setup
from resolver.config.cursor import no_args, no_block
from resolver.telemetry.log import Log

__all__ = ["Debug", "setup"]


def setup(setup: Setup) -> Debug:
    """The part. The directive takes neither arguments nor a block. Raises ConfigError."""
    no_args(setup.only)
    no_block(setup.only)
    return Debug(setup.host.log)


class Debug(Part):
    """Turns on debug lines for the whole process while any server block has the directive."""

    name: ClassVar[str] = "debug"

    def __init__(self, log: Log) -> None:
        self._log = log
        self._on = False

    async def start(self) -> None:
        if not self._on:
            self._on = True
            self._log.debugging(True)

    async def stop(self) -> None:
        if self._on:
            self._on = False
            self._log.debugging(False)
