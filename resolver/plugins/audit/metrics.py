"""What became of the lines, in figures and in the log."""

from __future__ import annotations

import asyncio
from typing import Final

from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Cell, Registry

TOLD: Final = 60.0  # seconds between two lines of the log about losses


class Report:
    """Speaks of one destination, in the thread of the event loop; threads use the methods that end in ``_soon``."""

    def __init__(self, destination: str, registry: Registry, log: Log) -> None:
        written = "Lines of the audit that were written or sent."
        dropped = "Lines of the audit that were lost: too many waited, or they were not taken."
        self._written: Cell = registry.counter("coredns_audit_lines_total", written, ("sink",)).cell(destination)
        self._dropped: Cell = registry.counter("coredns_audit_dropped_total", dropped, ("sink",)).cell(destination)
        self._destination = destination
        self._log = log
        self._unsaid = 0
        self._timer: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Belong to the running loop."""
        self._loop = asyncio.get_running_loop()

    def written(self, lines: int) -> None:
        """So many were taken."""
        self._written.value += lines

    def lost(self, lines: int) -> None:
        """So many are lost. The first are told of at once, more of them within a minute."""
        self._dropped.value += lines
        self._unsaid += lines
        if self._timer is None:
            self._say()
            if self._loop is not None:
                self._timer = self._loop.call_later(TOLD, self._say_later)

    def problem(self, words: str) -> None:
        """Lines are not taken because of a problem; or are again, without words."""
        if words:
            self._log.error(f"{self._destination}: {words}; lines wait")
        else:
            self._log.info(f"{self._destination} takes lines again")

    def written_soon(self, lines: int) -> None:
        """As ``written``, from any thread."""
        self._soon(self.written, lines)

    def lost_soon(self, lines: int) -> None:
        """As ``lost``, from any thread."""
        self._soon(self.lost, lines)

    def problem_soon(self, words: str) -> None:
        """As ``problem``, from any thread."""
        self._soon(self.problem, words)

    def stop(self) -> None:
        """Say what was not said yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._say()

    def _soon(self, method: object, *arguments: object) -> None:
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(method, *arguments)  # type: ignore[arg-type]
        except RuntimeError:
            return  # the loop has ended, and nobody reads figures or the log any more

    def _say_later(self) -> None:
        self._timer = None
        self._say()

    def _say(self) -> None:
        if self._unsaid:
            self._log.warning(f"{self._unsaid} lines for {self._destination} are lost", lost=self._unsaid)
            self._unsaid = 0
