"""How long changes of endpoints took to be served."""

from __future__ import annotations

import time
from collections.abc import Callable

from resolver.kube.index import ClusterIndex
from resolver.kube.objects import Slice
from resolver.telemetry.metrics import HistogramCell, Registry

BUCKETS = tuple(0.001 * 2**power for power in range(20))  # from a millisecond to some nine minutes


class Latency:
    """Observes slices that say when the change behind them happened, for services that are known."""

    def __init__(self, registry: Registry, index: ClusterIndex, now: Callable[[], float] = time.time) -> None:
        durations = registry.histogram(
            "coredns_kubernetes_dns_programming_duration_seconds",
            "Seconds from a change of Pods or Services until it was served.",
            ("service_kind",),
            BUCKETS,
        )
        self._cluster_ip: HistogramCell = durations.cell("cluster_ip")
        self._headless: HistogramCell = durations.cell("headless_with_selector")
        self._index = index
        self._now = now

    def changed(self, old: Slice | None, new: Slice) -> None:
        """A slice is another one now, and so are the answers."""
        if not new.triggered or (old is not None and old.triggered == new.triggered):
            return
        service = self._index.services.get(new.key)
        if service is not None:
            cell = self._headless if service.headless else self._cluster_ip
            cell.observe(max(0.0, self._now() - new.triggered))
