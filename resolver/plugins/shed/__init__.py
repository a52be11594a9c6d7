"""shed: under overload queries over UDP are dropped at once instead of being answered late or with a failure."""

from __future__ import annotations

from dataclasses import replace

from resolver.chain.capabilities import ListenSettings
from resolver.chain.plugin import Part
from resolver.chain.setup import Setup
from resolver.config.cursor import no_args, no_block
from resolver.config.zones import server_addresses

__all__ = ["Shed", "setup"]


class Shed(Part):
    """Asks the listeners of its block to drop what they have no room for."""

    name = "shed"

    def listen(self, settings: ListenSettings) -> ListenSettings:
        """The settings with that wish."""
        return replace(settings, shed=True)


def setup(setup: Setup) -> Shed:
    """``shed``. Raises ConfigError."""
    directive = setup.only
    no_args(directive)
    no_block(directive)
    for address in server_addresses(setup.block.keys):
        if address.scheme != "dns":
            raise directive.error(f"shed is for plain DNS only, not for {address.scheme}:// server blocks")
    return Shed()
