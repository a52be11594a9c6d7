"""quic: what the listeners of quic:// server blocks hold and work on at once."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.quic.handler import Quic
from resolver.plugins.quic.settings import parse

__all__ = ["Quic", "setup"]


def setup(setup: Setup) -> Quic:
    """The part. Raises ConfigError or ConfigErrors."""
    part = Quic(parse(setup.only))
    if not any(key.text.lower().startswith("quic://") for key in setup.block.keys):
        setup.host.log.warning(f"{setup.only.name.at}: quic limits nothing here, no zone is written with quic://")
    return part
