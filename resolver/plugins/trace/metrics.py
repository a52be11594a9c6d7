"""What became of the spans, in figures and in the log."""

from __future__ import annotations

from asyncio import AbstractEventLoop

from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Cell, Registry


class Report:
    """Counts and speaks in the thread of the event loop, whoever calls."""

    def __init__(self, registry: Registry, endpoint: str, log: Log, loop: AbstractEventLoop) -> None:
        sent = "Spans that were sent."
        lost = "Spans that were lost: too many waited, or they were not taken."
        self._sent: Cell = registry.counter("coredns_trace_spans_total", sent, ("endpoint",)).cell(endpoint)
        self._lost: Cell = registry.counter("coredns_trace_dropped_total", lost, ("endpoint",)).cell(endpoint)
        self._endpoint = endpoint
        self._log = log
        self._loop = loop

    def sent(self, spans: int) -> None:
        """So many were taken."""
        self._soon(self._sent, spans)

    def lost(self, spans: int) -> None:
        """So many are lost."""
        self._soon(self._lost, spans)

    def changed(self, problem: str) -> None:
        """Spans are not taken any more because of a problem, or are again."""
        try:
            self._loop.call_soon_threadsafe(self._say, problem)
        except RuntimeError:
            return  # the loop has ended, and nobody reads the log any more

    def _soon(self, cell: Cell, spans: int) -> None:
        try:
            self._loop.call_soon_threadsafe(_add, cell, spans)
        except RuntimeError:
            return

    def _say(self, problem: str) -> None:
        if problem:
            self._log.warning(f"spans are lost: {self._endpoint}: {problem}")
        else:
            self._log.info(f"{self._endpoint} takes spans")


def _add(cell: Cell, spans: int) -> None:
    cell.value += spans
