"""geoip: where a client is and whose network it is in, for the directives that use metadata."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.cursor import flag, one_arg, option_values, text
from resolver.plugins.geoip.places import GeoIp

__all__ = ["GeoIp", "setup"]


def setup(setup: Setup) -> GeoIp:
    """``geoip DBFILE { edns-subnet }``; the file is opened when it starts. Raises ConfigError or ConfigErrors."""
    directive = setup.only
    path = setup.block.root / text(one_arg(directive))
    values = option_values(directive, {"edns-subnet": flag})
    return GeoIp(path, setup.block, setup.host, by_subnet=values.get("edns-subnet", False))
