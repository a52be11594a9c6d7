"""What ``identity`` counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resolver.telemetry.metrics import Cell, Registry

LOOKUPS: Final = ("found", "none", "error", "dropped")


class Metrics:
    """The cells of one source of knowledge; ``close`` ends what is shown."""

    def __init__(self, registry: Registry, scope: str, addresses: Callable[[], int], aged: Callable[[], float]) -> None:
        known = registry.gauge(
            "coredns_identity_addresses", "Addresses of which the Pod is known.", ("scope",), merge="max"
        )
        age = registry.gauge(
            "coredns_identity_unverified_seconds",
            "For how long the API has not confirmed what is known; 0 while it answers.",
            ("scope",),
            merge="max",
        )
        met = registry.counter(
            "coredns_identity_held_total",
            "Queries that were held because their client was not known yet, by what came of it.",
            ("scope", "result"),
        )
        lookups = registry.counter(
            "coredns_identity_lookups_total", "Addresses that the API was asked for, by result.", ("result",)
        )
        self.met_pod: Cell = met.cell(scope, "pod")
        self.met_nobody: Cell = met.cell(scope, "nobody")
        self.lookups: dict[str, Cell] = {result: lookups.cell(result) for result in LOOKUPS} if scope == "seen" else {}
        self._shown = (known.cell(scope), age.cell(scope))
        self._look = addresses, aged
        self.close = registry.before_read(self._show)

    def _show(self) -> None:
        for cell, look in zip(self._shown, self._look, strict=True):
            cell.value = look()
