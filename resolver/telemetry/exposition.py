"""What a scrape gets: a snapshot in Prometheus text or OpenMetrics form, written by prometheus-client.

prometheus-client is imported with the first scrape: start-up time and memory matter more than that one scrape's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from resolver.telemetry.snapshot import Snapshot

if TYPE_CHECKING:
    from prometheus_client.core import Metric


Bound = Callable[[float], str]


def render(snapshot: Snapshot, accept: str = "") -> tuple[str, bytes]:
    """Media type and body for a client with this ``Accept`` header. Takes some 10 microseconds a line."""
    from prometheus_client.exposition import choose_encoder

    encode, media_type = choose_encoder(accept)
    bound = _float if media_type.startswith("application/openmetrics-text") else _shortest
    return media_type, encode(_Collector(snapshot, bound))


class _Collector:
    """A snapshot as prometheus-client wants to see one."""

    def __init__(self, snapshot: Snapshot, bound: Bound) -> None:
        self.snapshot = snapshot
        self.bound = bound

    def collect(self) -> Iterator[Metric]:
        """The families that have cells, in order."""
        return (_metric(self.bound, *family) for family in self.snapshot if family[6])


def _metric(
    bound: Bound, kind: str, name: str, text: str, labels: list[str], _rule: str, bounds: list[float], cells: Any
) -> Metric:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

    if kind == "histogram":
        histogram = HistogramMetricFamily(name, text, labels=labels)
        limits = [*map(bound, bounds), "+Inf"]
        for values, counts, total in cells:
            histogram.add_metric(values, list(zip(limits, accumulate(counts), strict=True)), total)
        return histogram
    form = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
    simple = form(name, text, labels=labels)
    for values, value in cells:
        simple.add_metric(values, value)
    return simple


def _float(value: float) -> str:
    """``0.00025``, ``1.0``: bounds as OpenMetrics has them."""
    return repr(float(value))


def _shortest(value: float) -> str:
    """``0.00025``, ``1``: bounds as servers written in Go show them, which dashboards select by."""
    return _float(value).removesuffix(".0")
