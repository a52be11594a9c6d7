"""sign: signed copies of zone files, made anew in time."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.sign.handler import Sign
from resolver.plugins.sign.settings import parse

__all__ = ["Sign", "setup"]


def setup(setup: Setup) -> Sign:
    """The part. Raises ConfigError or ConfigErrors."""
    return Sign([zone for directive in setup.directives for zone in parse(directive, setup.block)], setup.host)
