"""Puts the limits into the settings of the listeners."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from resolver.chain.capabilities import ListenSettings
from resolver.chain.plugin import Part
from resolver.plugins.quic.settings import Settings


class Quic(Part):
    """Has nothing to do with queries."""

    name: ClassVar[str] = "quic"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def listen(self, settings: ListenSettings) -> ListenSettings:
        """The settings with these limits."""
        own = self.settings
        return replace(
            settings,
            quic_streams=settings.quic_streams if own.streams is None else own.streams,
            quic_workers=settings.quic_workers if own.workers is None else own.workers,
            quic_connections=settings.quic_connections if own.connections is None else own.connections,
        )
