"""What the log says about objects: each thing once."""

from __future__ import annotations

from typing import Final

from resolver.plugins.gateway.claims import Origin, Settled
from resolver.plugins.gateway.hosts import Refused
from resolver.telemetry.log import Log
from resolver.wire.names import to_text

MAX_LINES: Final = 1000  # over that the log only says that there is more
_SHOWN: Final = 3


class Notices:
    """The log lines of one directive."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._said: set[str] = set()

    def skipped(self, origin: Origin, refused: Refused) -> None:
        """Something of an object is left out. Most clusters have hosts in other zones, which is worth no word."""
        if refused.reason == "outside":
            self._log.debug(f"{origin}: {refused}")
        else:
            self._say(f"{origin}: {refused}")

    def disputed(self, name: bytes, settled: Settled) -> None:
        """Not everybody got a name."""
        holders, losers = (_listed(some) for some in (settled.holders, settled.losers))
        self._say(f"{to_text(name)} is claimed by {holders}, which has it, and by {losers}")

    def _say(self, line: str) -> None:
        if line in self._said or len(self._said) > MAX_LINES:
            return
        self._said.add(line)
        if len(self._said) > MAX_LINES:
            line = "more is left out than is named here; the metrics count it"
        self._log.warning(line)


def _listed(origins: tuple[Origin, ...]) -> str:
    more = f" and {len(origins) - _SHOWN} more" if len(origins) > _SHOWN else ""
    return ", ".join(str(origin) for origin in origins[:_SHOWN]) + more
