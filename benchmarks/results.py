"""Everything a run found, and its medians."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field

from benchmarks.measure import Sample


@dataclass(frozen=True, slots=True)
class Start:
    """Seconds from exec to the first answer; ``variant`` for a server with something grown."""

    server: str
    round: int
    seconds: float
    variant: str = ""


@dataclass(frozen=True, slots=True)
class LossCount:
    """Queries at a fixed rate, counted by the Python generator."""

    server: str
    sent: int
    lost: int
    failed: int


@dataclass(frozen=True, slots=True)
class ClusterFigures:
    """What a large cluster costs a server; times in seconds, from a change to the first answer that shows it."""

    server: str
    first_sync: float
    cpu: float
    resident_mib: float
    changes: int
    p50: float | None
    p99: float | None
    slowest: float | None


@dataclass(slots=True)
class Results:
    """The samples of all rounds, in the order in which they were taken."""

    samples: list[Sample] = field(default_factory=list)
    starts: list[Start] = field(default_factory=list)
    grown_starts: list[Start] = field(default_factory=list)
    losses: list[LossCount] = field(default_factory=list)
    clusters: list[ClusterFigures] = field(default_factory=list)

    def of(self, row: str, server: str, variant: str = "") -> list[Sample]:
        return [s for s in self.samples if (s.row, s.server, s.variant) == (row, server, variant)]

    def servers(self, row: str) -> list[str]:
        return _unique(s.server for s in sorted(self.samples, key=lambda s: s.round) if s.row == row)

    def variants(self, row: str) -> list[str]:
        return _unique(s.variant for s in self.samples if s.row == row)

    def median(self, row: str, server: str, field_name: str, variant: str = "") -> float | None:
        """The median of a field over the rounds; ``None`` if it was never measured."""
        values = [getattr(sample, field_name) for sample in self.of(row, server, variant)]
        return _median([float(value) for value in values if value is not None])

    def total(self, row: str, server: str, choose: Callable[[Sample], int], variant: str = "") -> int:
        return sum(choose(sample) for sample in self.of(row, server, variant))

    def first_answer(self, server: str) -> float | None:
        return _median([start.seconds for start in self.starts if start.server == server])

    def as_dict(self) -> dict[str, object]:
        return {
            "samples": [sample.as_dict() for sample in self.samples],
            "first_answer": [asdict(start) for start in [*self.starts, *self.grown_starts]],
            "lost_queries": [asdict(loss) for loss in self.losses],
            "clusters": [asdict(figures) for figures in self.clusters],
        }


def _median(values: list[float]) -> float | None:
    return statistics.median(values) if values else None


def _unique(values: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(values))
