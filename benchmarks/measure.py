"""One measurement: a server under full load, then at a fixed rate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from benchmarks import names
from benchmarks.outcome import Load
from benchmarks.stage import Seat, Stage

CACHED_NAMES = 10_000
_FASTEST = 220_000


@dataclass(frozen=True, slots=True)
class Row:
    """A kind of load; ``rate`` in queries per second is for the run that takes processor time and latency.

    ``least`` is how many seconds of full load it takes at least: more than a queue in the server can hold back.
    """

    key: str
    title: str
    rate: int
    tcp: bool = False
    warm: bool = False
    once: bool = False
    dnssec: bool = False
    mode: str = ""
    window: int = 100
    least: float = 0.0


ROWS = (
    Row("cached", "cached answers, 10,000 names, UDP", 30_000, warm=True),
    Row("tcp", "cached answers, 10,000 names, TCP", 30_000, tcp=True, warm=True),
    Row("mix", "nine cached names, then a new one, UDP", 10_000, once=True),
    Row("miss", "misses, every name new, UDP", 5_000, once=True),
)


@dataclass(frozen=True, slots=True)
class Files:
    """Query files of a row; new names are read once by each server. Warming ends after ``patience`` seconds."""

    full: Path
    steady: Path
    warm: Path | None = None
    patience: float = 10.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What one measurement of one server gave; see ``benchmarks/README.md`` for the fields."""

    row: str
    server: str
    variant: str
    round: int
    per_second: float
    steady_per_second: float
    sent: int
    lost: int
    failed: int
    p50_us: float | None
    p99_us: float | None
    cpu_us: float | None
    upstream_cpu_us: float | None
    busy: float
    resident_mib: float
    peak_mib: float

    @property
    def per_cpu_second(self) -> float | None:
        """Answers per second of processor time under full load: ``per_second`` of a server with a core of its own."""
        return self.per_second / self.busy if self.busy > 0 else None

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "per_cpu_second": self.per_cpu_second}


def files(row: Row, directory: Path, seconds: float) -> Files:
    """Write the query files of a row of ROWS, long enough for the fastest server in ``seconds``."""
    counts = {"full": int(seconds * _FASTEST), "steady": int((seconds + 1) * row.rate)}
    known = directory / "cached.txt"
    if not known.exists():
        names.write(known, names.cached(CACHED_NAMES))
    if row.warm:
        return Files(known, known, known)
    full, steady = (names.write(directory / f"{row.key}-{run}.txt", _new(row, run, counts[run])) for run in counts)
    return Files(full, steady, known if row.key == "mix" else None)


def _new(row: Row, run: str, count: int) -> Iterator[str]:
    prefix = f"{row.key}-{run}-"
    return names.mixed(prefix, CACHED_NAMES, count) if row.key == "mix" else names.new(prefix, count)


def warm(stage: Stage, seat: Seat, row: Row, path: Path, seconds: float) -> None:
    """Ask for every name of ``path`` twice: a server may do more work for the first repeat than for later ones."""
    with path.open() as file:
        wanted = sum(1 for _ in file)
    load = replace(_load(row, seat.port, path, seconds), once=True, window=min(50, row.window))
    for _ in range(2):
        done = stage.generator.run(load)
        if done.answered < wanted:
            stage.note(
                f"{seat.peer.name} was asked {done.answered:,} of {wanted:,} names in {seconds:.0f} s of warming"
            )


def _load(row: Row, port: int, path: Path, seconds: float) -> Load:
    return Load(port, path, seconds, tcp=row.tcp, once=row.once, window=row.window, dnssec=row.dnssec, mode=row.mode)


def measure(
    stage: Stage,
    seat: Seat,
    row: Row,
    chosen: Files,
    seconds: float,
    number: int = 1,
    variant: str = "",
    settle: Callable[[], None] = lambda: None,
) -> Sample:
    """Warm, load fully, then at the row's rate with the clock on processor time. Raises LoadError and StartError.

    ``settle`` waits until the server has done what it puts off; the processor time of that counts.
    """
    if chosen.warm:
        warm(stage, seat, row, chosen.warm, chosen.patience)
    settle()
    idle = seat.server.cpu_seconds()
    full = stage.generator.run(_load(row, seat.port, chosen.full, max(seconds, row.least)))
    settle()
    before, upstream_before = seat.server.cpu_seconds(), stage.upstream.server.cpu_seconds()
    steady = stage.generator.run(replace(_load(row, seat.port, chosen.steady, seconds), rate=row.rate))
    settle()
    used = seat.server.cpu_seconds() - before
    upstream_used = stage.upstream.server.cpu_seconds() - upstream_before
    seat.server.check_alive()
    return Sample(
        row=row.key,
        server=seat.peer.name,
        variant=variant,
        round=number,
        per_second=full.per_second,
        steady_per_second=steady.per_second,
        sent=full.sent + steady.sent,
        lost=full.lost + steady.lost,
        failed=full.failed + steady.failed,
        p50_us=steady.p50,
        p99_us=steady.p99,
        cpu_us=_each(used, steady.answered),
        upstream_cpu_us=_each(upstream_used, steady.answered),
        busy=(before - idle) / full.seconds,
        resident_mib=seat.server.resident_kib() / 1024,
        peak_mib=seat.server.peak_kib() / 1024,
    )


def _each(seconds: float, count: int) -> float | None:
    return seconds * 1e6 / count if count else None


def progress(sample: Sample) -> str:
    """A line for the impatient."""
    cost = f"{sample.cpu_us or 0:6.1f} us/q"
    return f"  {sample.row:7} {sample.server:14} {sample.per_second:9,.0f} q/s  {cost}  {sample.variant}".rstrip()
