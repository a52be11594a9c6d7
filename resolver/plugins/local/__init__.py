"""local: localhost and its reverse zones, answered here."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.config.cursor import choice, no_args, option_values, value
from resolver.plugins.local.handler import Local

__all__ = ["Local", "setup"]


def setup(setup: Setup) -> Local:
    """``local { localhost_prefix on|off }``. Raises ConfigError or ConfigErrors."""
    directive = setup.only
    no_args(directive)
    values = option_values(directive, {"localhost_prefix": value(choice, ("on", "off"))})
    return Local(setup.host, has_prefix=values.get("localhost_prefix", "on") == "on")
