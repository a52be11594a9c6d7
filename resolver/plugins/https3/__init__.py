"""https3: what the listeners of https3:// server blocks hold."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.https3.handler import Https3
from resolver.plugins.https3.settings import parse

__all__ = ["Https3", "setup"]


def setup(setup: Setup) -> Https3:
    """The part. Raises ConfigError or ConfigErrors."""
    part = Https3(parse(setup.only))
    if not any(key.text.lower().startswith("https3://") for key in setup.block.keys):
        setup.host.log.warning(f"{setup.only.name.at}: https3 limits nothing here, no zone is written with https3://")
    return part
