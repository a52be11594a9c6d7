"""Puts the limits into the settings of the listeners."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from resolver.chain.capabilities import ListenSettings
from resolver.chain.plugin import Part
from resolver.plugins.https3.settings import Settings


class Https3(Part):
    """Has nothing to do with queries."""

    name: ClassVar[str] = "https3"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def listen(self, settings: ListenSettings) -> ListenSettings:
        """The settings with these limits."""
        own = self.settings
        return replace(
            settings,
            https3_streams=settings.https3_streams if own.streams is None else own.streams,
            https3_connections=settings.https3_connections if own.connections is None else own.connections,
        )
