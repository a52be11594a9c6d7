"""What was written to the sets, and what could not be."""

from __future__ import annotations

from typing import Final

from resolver.telemetry.metrics import Registry

FULL, KERNEL, LATE, BUSY, MANY = "full", "kernel", "late", "busy", "many"
_SECONDS: Final = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


class Metrics:
    """Counters of all ``egress_set`` directives."""

    def __init__(self, registry: Registry, table: str) -> None:
        elements = registry.counter(
            "coredns_egress_set_elements_total", "Addresses put into sets, and put in for longer.", ("table", "action")
        )
        self.added = elements.cell(table, "added")
        self.refreshed = elements.cell(table, "refreshed")
        self._failures = registry.counter(
            "coredns_egress_set_failures_total", "Answers whose addresses are not in their sets.", ("table", "reason")
        )
        self.seconds = registry.histogram(
            "coredns_egress_set_write_seconds", "Seconds that the kernel took for a batch.", ("table",), _SECONDS
        ).cell(table)
        self._table = table
        for reason in (FULL, KERNEL, LATE, BUSY, MANY):  # shown before it happens: a first time is an increase, too
            self._failures.cell(table, reason)

    def failed(self, reason: str) -> None:
        """An answer has an address that is not in its set."""
        self._failures.cell(self._table, reason).value += 1
