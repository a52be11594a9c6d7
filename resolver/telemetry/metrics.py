"""Metric families that are cheap to count into and read only when somebody scrapes.

A *cell* is the value of one set of labels; plugins keep the cells they need and add to them directly.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

# Buckets in seconds and octets as CoreDNS has them, so that dashboards keep working.
TIME_BUCKETS = (0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1.024, 2.048, 4.096, 8.192)  # fmt: skip  # noqa: E501
SIZE_BUCKETS = (0, 100, 200, 300, 400, 511, 1023, 2047, 4095, 8291, 16000, 32000, 48000, 64000)


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
    """A metric of one name: ``counter``, ``gauge`` or ``histogram``, with cells by label values."""

    def __init__(self, kind: str, name: str, text: str, labels: Sequence[str], bounds: Sequence[float] = ()) -> None:
        self.kind, self.name, self.text = kind, name, text
        self.labels = tuple(labels)
        self.bounds = tuple(bounds)
        self.cells: dict[tuple[str, ...], Any] = {}

    def cell(self, *values: str) -> Any:
        """The cell for these label values, made on first use."""
        found = self.cells.get(values)
        if found is None:
            if len(values) != len(self.labels):
                raise ValueError(f"{self.name} has the labels {self.labels}")
            found = HistogramCell(self.bounds) if self.kind == "histogram" else Cell()
            self.cells[values] = found
        return found

    def drop(self, *values: str) -> None:
        """Forget the cell for these label values."""
        self.cells.pop(values, None)


class Registry:
    """All families of the process. Asking for a family that exists gives that one, so counts survive reloads."""

    def __init__(self) -> None:
        self._families: dict[str, Family] = {}
        self._before: list[Callable[[], None]] = []

    def counter(self, name: str, text: str, labels: Sequence[str] = ()) -> Family:
        """A counter; ``name`` is full, ``_total`` included."""
        return self._family("counter", name, text, labels)

    def gauge(self, name: str, text: str, labels: Sequence[str] = ()) -> Family:
        """A value that goes up and down."""
        return self._family("gauge", name, text, labels)

    def histogram(self, name: str, text: str, labels: Sequence[str] = (), bounds: Sequence[float] = TIME_BUCKETS) -> Family:  # fmt: skip  # noqa: E501
        """A histogram; ``bounds`` are upper bounds without the infinite one."""
        return self._family("histogram", name, text, labels, bounds)

    def before_read(self, hook: Callable[[], None]) -> Callable[[], None]:
        """Call ``hook`` in front of each reading (to set gauges, to fold counts); returns a function that ends that."""
        self._before.append(hook)
        return lambda: self._before.remove(hook)

    def families(self) -> Iterator[Family]:
        """All families, hooks called first."""
        for hook in list(self._before):
            hook()
        yield from self._families.values()

    def _family(self, kind: str, name: str, text: str, labels: Iterable[str], bounds: Sequence[float] = ()) -> Family:
        family = self._families.get(name)
        if family is None:
            family = self._families[name] = Family(kind, name, text, tuple(labels), bounds)
        return family
