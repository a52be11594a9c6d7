"""file: answers for zones from master files."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.file.handler import File
from resolver.plugins.file.settings import parse

__all__ = ["File", "setup"]


def setup(setup: Setup) -> File:
    """One plugin for all files of a server block; they are read when it starts. Raises ConfigError or ConfigErrors."""
    return File([parse(directive, setup.block) for directive in setup.directives], setup.host)
