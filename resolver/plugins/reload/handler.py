"""What the runtime is told about watching the configuration."""

from __future__ import annotations

from resolver.chain.plugin import Part
from resolver.plugins.reload.settings import Settings


class Reload(Part):
    """Asks the runtime to look at the configuration's files regularly."""

    name = "reload"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @property
    def interval(self) -> float:
        """Seconds between two looks at the files."""
        return self.settings.interval

    @property
    def jitter(self) -> float:
        """Seconds by which the interval may vary."""
        return self.settings.jitter
