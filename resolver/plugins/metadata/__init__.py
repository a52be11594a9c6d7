"""metadata: what other directives know of a query, for those that log it or decide by it."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.cursor import no_block
from resolver.config.zones import normalize_zones
from resolver.plugins.metadata.handler import Metadata

__all__ = ["Metadata", "setup"]


def setup(setup: Setup) -> Metadata:
    """``metadata [ZONES...]``. Raises ConfigError."""
    directive = setup.only
    no_block(directive)
    zones = [wire for word in directive.args for wire in normalize_zones(word)]
    return Metadata(frozenset(zones or setup.block.zones), setup.block)
