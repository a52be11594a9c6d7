"""How to run: what the command line decided."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from resolver.config.load import load, load_text
from resolver.config.model import Config
from resolver.telemetry.log import Log


class Companion(Protocol):
    """What goes along with a serving process and is told when it begins and ends."""

    async def begun(self) -> None:
        """Queries are answered from now on."""

    async def ending(self) -> None:
        """The end was asked for; queries are still answered until this returns."""


@dataclass(frozen=True, slots=True)
class Options:
    """``conf`` is the path of the configuration, or None for ``text`` as the configuration.

    ``port`` is that of server blocks that name none. ``workers`` 0 leaves their number to the configuration.
    """

    conf: str | None = None
    text: str = ""
    port: int = 53
    workers: int = 0
    pidfile: str | None = None
    quiet: bool = False
    log: Log = field(default_factory=Log)
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    companion: Companion | None = None

    def read(self) -> Config:
        """The configuration as it is now. Raises ConfigError or ConfigErrors."""
        if self.conf is None:
            return load_text(self.text, environ=self.environ)
        return load(self.conf, environ=self.environ)
