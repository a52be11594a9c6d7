"""Rows that look at one thing that grows: cached names, zones, workers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks import names
from benchmarks.measure import CACHED_NAMES, Files, Row, measure, progress
from benchmarks.outcome import LoadError
from benchmarks.peers.base import Peer
from benchmarks.processes import StartError
from benchmarks.results import Results, Start
from benchmarks.stage import ROOM, Stage, seated

SIZE = Row("size", "from few to many cached names, asked in a shuffled order", 30_000)
ZONES = Row("zones", "10,000 cached names, without and with a stub zone for each", 30_000)
WORKERS = Row("workers", "cached answers with one and two workers", 30_000)
EXTRAS = (SIZE, ZONES, WORKERS)
_SLOWEST_MISSES = 12_000
_ASKED = 300_000


@dataclass(frozen=True, slots=True)
class Case:
    """One row with one thing grown to ``variant``."""

    row: Row
    variant: str
    files: Files
    room: int = ROOM
    stub_zones: int = 0
    workers: int = 1


def sizes(stage: Stage, peers: Sequence[Peer], counts: Sequence[int], seconds: float, out: Results) -> None:
    """Cost of a repeat with each of ``counts`` names in the cache."""
    for count in counts:
        known = names.write(stage.directory / "size-known.txt", names.cached(count))
        asked = names.write(stage.directory / "size-asked.txt", names.shuffled(names.cached(count), _ASKED))
        chosen = Files(asked, asked, known, patience=2 + count / _SLOWEST_MISSES)
        case = Case(SIZE, f"{count:,} names", chosen, room=max(20_000, 2 * count))
        for peer in peers:
            _grow(stage, peer, case, seconds, out)


def zones(stage: Stage, peers: Sequence[Peer], count: int, seconds: float, out: Results) -> None:
    """Cost of a repeat without and with ``count`` stub zones, the same names asked both times."""
    known = names.write(stage.directory / "zones-known.txt", names.in_zones(count))
    asked = names.write(stage.directory / "zones-asked.txt", names.shuffled(names.in_zones(count), _ASKED))
    for stub_zones in (0, count):
        case = Case(ZONES, f"{stub_zones:,} zones", Files(asked, asked, known), stub_zones=stub_zones)
        for peer in (peer for peer in peers if peer.has_stub_zones):
            _grow(stage, peer, case, seconds, out)


def workers(stage: Stage, peers: Sequence[Peer], seconds: float, out: Results) -> None:
    """Cached answers as the cores grow; on a machine of two cores the second worker shares one with the load."""
    known = names.write(stage.directory / "workers-known.txt", names.cached(CACHED_NAMES))
    for count in (1, 2):
        case = Case(WORKERS, f"{count} worker{'s' * (count > 1)}", Files(known, known, known), workers=count)
        for peer in (peer for peer in peers if peer.has_workers):
            _grow(stage, peer, case, seconds, out)


def _grow(stage: Stage, peer: Peer, case: Case, seconds: float, out: Results) -> None:
    if stage.deadline.left() < 2 * seconds + case.files.patience + 3:
        stage.note(f"{case.row.key}: {peer.name} with {case.variant} left out, out of time")
        return
    try:
        with seated(stage, peer, case.room, case.stub_zones, case.workers, patience=30) as seat:
            sample = measure(stage, seat, case.row, case.files, seconds, variant=case.variant)
            out.grown_starts.append(Start(peer.name, 1, seat.first_answer, f"{case.row.key}, {case.variant}"))
    except (LoadError, StartError) as error:
        stage.note(f"{case.row.key}: {peer.name} with {case.variant}: {error}")
        return
    out.samples.append(sample)
    stage.say(progress(sample))
