"""root: where the relative file names of a server block start."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from resolver.chain.plugin import Part
from resolver.chain.setup import Setup
from resolver.config.cursor import no_block, one_arg, text
from resolver.telemetry.log import Log

__all__ = ["Root", "setup"]


def setup(setup: Setup) -> Root:
    """``root PATH``; the parts that are made after this one see it as the block's root. Raises ConfigError."""
    directive = setup.only
    no_block(directive)
    path = setup.block.root / text(one_arg(directive))
    if path.exists() and not path.is_dir():
        raise directive.args[0].error(f"{path} is not a directory")
    setup.block.root = path
    return Root(path, setup.host.log)


class Root(Part):
    """A directory that is not there (yet) is worth a warning: a volume may be mounted later."""

    name: ClassVar[str] = "root"

    def __init__(self, path: Path, log: Log) -> None:
        self.path = path
        self._log = log.named(self.name)

    async def start(self) -> None:
        if not self.path.is_dir():
            self._log.warning(f"the directory {self.path} does not exist")
