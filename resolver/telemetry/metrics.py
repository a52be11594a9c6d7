"""Metric families that are cheap to count into and read only when somebody scrapes.

A *cell* is the value of one set of labels; plugins keep the cells they need and add to them directly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any

# Buckets in seconds and octets as CoreDNS has them, so that dashboards keep working.
TIME_BUCKETS = (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192)  # fmt: skip  # noqa: E501
SLIM_TIME_BUCKETS = (0.00025, 0.0025, 0.025, 0.25, 2.5)
SIZE_BUCKETS = (0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000)

# Label values may come from clients and upstreams; what they can make a metric grow to has to end somewhere.
MAX_CELLS = 10_000
OTHER = "other"
_LUMPED = "coredns_metric_label_sets_lumped_total"


class Cell:
    """A counter or gauge: add to ``value`` directly."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def add(self, amount: int) -> None:
        """Add ``amount``; the form in which a replayed answer counts itself."""
        self.value += amount


class HistogramCell:
    """Counts of observations per bucket, not cumulative, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total: float = 0

    def observe(self, value: float, times: int = 1) -> None:
        """Count ``value`` as seen ``times`` times."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times


class Family:
    """A metric of one name: ``counter``, ``gauge`` or ``histogram``, with cells by label values.

    ``merge`` says how a gauge of several workers becomes one figure: ``sum``, ``max`` or ``min``. Over ``limit`` cells
    new label values share the cell whose labels are all ``other``; ``lumped`` counts how often that happened.
    """

    def __init__(
        self,
        kind: str,
        name: str,
        text: str,
        labels: Sequence[str],
        bounds: Sequence[float] = (),
        *,
        merge: str = "sum",
        limit: int = MAX_CELLS,
    ) -> None:
        self.kind, self.name, self.text = kind, name, text
        self.labels = tuple(labels)
        self.bounds = tuple(bounds)
        self.merge = merge
        self.limit = limit
        self.lumped = 0
        self.cells: dict[tuple[str, ...], Any] = {}
        if not self.labels and kind != "gauge":
            self.cell()  # what has not happened yet is shown as 0

    def cell(self, *values: str) -> Any:
        """The cell for these label values, made on first use."""
        found = self.cells.get(values)
        return self._new(values) if found is None else found

    def drop(self, *values: str) -> None:
        """Forget the cell for these label values."""
        self.cells.pop(values, None)

    def _new(self, values: tuple[str, ...]) -> Any:
        if len(values) != len(self.labels):
            raise ValueError(f"{self.name} has the labels {self.labels}")
        if len(self.cells) >= self.limit:
            self.lumped += 1
            values = (OTHER,) * len(values)
        found = self.cells.get(values)
        if found is None:
            found = self.cells[values] = HistogramCell(self.bounds) if self.kind == "histogram" else Cell()
        return found


class Registry:
    """All families of the process. Asking for a family that exists gives that one, so counts survive reloads."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        self._before: dict[int, Callable[[], None]] = {}
        self._hooks = 0

    def counter(self, name: str, text: str, labels: Sequence[str] = (), *, limit: int = MAX_CELLS) -> Family:
        """A counter; ``name`` is full, ``_total`` included."""
        return self._family(Family("counter", name, text, labels, limit=limit))

    def gauge(
        self, name: str, text: str, labels: Sequence[str] = (), *, merge: str = "sum", limit: int = MAX_CELLS
    ) -> Family:
        """A value that goes up and down; those of several workers become one by ``merge``: sum, max or min."""
        return self._family(Family("gauge", name, text, labels, merge=merge, limit=limit))

    def histogram(
        self,
        name: str,
        text: str,
        labels: Sequence[str] = (),
        bounds: Sequence[float] = TIME_BUCKETS,
        *,
        limit: int = MAX_CELLS,
    ) -> Family:
        """A histogram; ``bounds`` are upper bounds without the infinite one."""
        return self._family(Family("histogram", name, text, labels, bounds, limit=limit))

    def __contains__(self, name: str) -> bool:
        return name in self._families

    def before_read(self, hook: Callable[[], None]) -> Callable[[], None]:
        """Call ``hook`` in front of each reading (to set gauges, to fold counts); returns a function that ends that."""
        self._hooks += 1
        number = self._hooks
        self._before[number] = hook

        def end() -> None:
            self._before.pop(number, None)

        return end

    def families(self) -> Iterator[Family]:
        """All families, hooks called first."""
        for hook in list(self._before.values()):
            hook()
        lumped = [family for family in self._families.values() if family.lumped]
        if lumped:
            count = self.counter(_LUMPED, "Label sets counted as other because their metric had too many.", ("metric",))
            for family in lumped:
                count.cell(family.name).value = family.lumped
        yield from list(self._families.values())

    def _family(self, wanted: Family) -> Family:
        family = self._families.setdefault(wanted.name, wanted)
        if (family.kind, family.labels, family.bounds) != (wanted.kind, wanted.labels, wanted.bounds):
            raise ValueError(f"{wanted.name} is already a {family.kind} with the labels {family.labels}")
        return family
