"""What the directive asks of the listeners."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from resolver.chain.capabilities import ListenSettings
from resolver.chain.plugin import Part


class Bind(Part):
    """Adds addresses to the settings of the listeners."""

    name: ClassVar[str] = "bind"

    def __init__(self, addresses: tuple[str, ...]) -> None:
        self.addresses = addresses

    def listen(self, settings: ListenSettings) -> ListenSettings:
        return replace(settings, addresses=tuple(dict.fromkeys((*settings.addresses, *self.addresses))))
