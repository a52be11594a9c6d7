"""``python -m benchmarks``: our server and every installed peer, side by side in one run."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from benchmarks import chart, directives, dnsperf, extras, hardened, machine, peers, report, rounds, zones
from benchmarks.cluster import row as cluster
from benchmarks.load import PythonGenerator
from benchmarks.measure import ROWS
from benchmarks.outcome import Generator
from benchmarks.processes import StartError
from benchmarks.results import Results
from benchmarks.stage import Cores, Deadline, Stage
from benchmarks.targets import targets
from benchmarks.upstream import upstream

_EXTRA_ROWS = (
    "lost",
    "size",
    "zones",
    "workers",
    "cluster",
    *(row.key for row in (*directives.DIRECTIVES, *zones.ZONES, *hardened.HARDENED)),
)
_ALL_ROWS = (*(row.key for row in ROWS), *_EXTRA_ROWS)


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured; ``seconds`` is the length of one load, ``budget`` that of the whole run."""

    rounds: int
    seconds: float
    budget: float
    lost_queries: int
    sizes: tuple[int, ...]
    zones: int = 10_000
    grown: tuple[str, ...] = ("ours", "unbound")
    cluster: cluster.Size = field(default_factory=cluster.Size)


FULL = Plan(3, 2.0, 840, 20_000, (1_000, 10_000, 100_000, 1_000_000))
QUICK = Plan(1, 0.7, 84, 3_000, (1_000, 20_000), grown=("ours",), cluster=cluster.Size(500, 10, 1_000, 2.0))


def main(words: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(words)
    signal.signal(signal.SIGTERM, _end)
    try:
        chosen = peers.chosen(options.servers) if options.servers else peers.installed()
        _run(options, [peer for peer in chosen if _present(peer)])
    except (ValueError, StartError, OSError) as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("benchmarks: stopped", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of short loads, under 90 seconds in total")
    parser.add_argument("--only", type=_rows, default=_ALL_ROWS, metavar="ROWS", help=f"of {','.join(_ALL_ROWS)}")
    parser.add_argument("--servers", type=_words, metavar="NAMES", help="default: every one that is installed")
    parser.add_argument("--generator", choices=("dnsperf", "python"), help="default: dnsperf where it is installed")
    parser.add_argument("--seconds", type=_seconds, help="length of one load")
    parser.add_argument("--json", type=_output, metavar="OUT", help="write every round, the machine and the versions")
    parser.add_argument("--svg", type=_output, metavar="OUT", help="draw the medians")
    return parser


def _words(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _rows(text: str) -> tuple[str, ...]:
    unknown = [word for word in _words(text) if word not in _ALL_ROWS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no such row: {', '.join(unknown)} (known: {', '.join(_ALL_ROWS)})")
    return tuple(_words(text))


def _seconds(text: str) -> float:
    value = float(text)
    if not 0.2 <= value <= 60:
        raise argparse.ArgumentTypeError("between 0.2 and 60")
    return value


def _output(text: str) -> Path:
    """A file that can be made, seen to before the minutes of measuring rather than after."""
    path = Path(text)
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise argparse.ArgumentTypeError(f"cannot write {text}")
    return path


def _end(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _present(peer: peers.Peer) -> bool:
    if not peer.is_installed():
        print(f"benchmarks: {peer.name} is not installed, left out", file=sys.stderr)
    return peer.is_installed()


def _run(options: argparse.Namespace, chosen: Sequence[peers.Peer]) -> None:
    plan = QUICK if options.quick else FULL
    seconds = options.seconds or plan.seconds
    about, versions = machine.describe(), machine.versions(chosen)
    results = Results()
    with _stage(plan, options.generator) as stage:
        tools = f"load by {stage.generator.name}, upstream {stage.upstream.name}"
        stage.say(f"{about['processor']}, {about['cores']} cores, {about['python']}; {tools}")
        try:
            _play(stage, chosen, options.only, plan, seconds, results)
        finally:
            tooling = {"generator": stage.generator.name, "upstream": stage.upstream.name, "seconds": seconds}
            _write(options, results, about, {"versions": versions, "notes": stage.notes, **tooling})
    print("\n" + report.render(results, versions, stage.notes), end="")


@contextlib.contextmanager
def _stage(plan: Plan, wanted: str | None) -> Iterator[Stage]:
    """A temporary directory, the upstream and the load generator; everything is gone afterwards."""
    everything = os.sched_getaffinity(0)
    cores = Cores.share_out(everything)
    directory = Path(tempfile.mkdtemp(prefix="resolver-bench-"))
    try:
        os.sched_setaffinity(0, cores.load)
        generator = _generator(directory, wanted)
        with upstream(directory / "upstream", cores.upstream) as behind:
            yield Stage(generator, behind, cores, directory, Deadline(plan.budget), _say)
    finally:
        os.sched_setaffinity(0, everything)
        shutil.rmtree(directory, ignore_errors=True)


def _generator(directory: Path, wanted: str | None) -> Generator:
    """Raises ValueError when dnsperf is asked for and missing."""
    found = None if wanted == "python" else dnsperf.find(directory)
    if wanted == "dnsperf" and found is None:
        raise ValueError("dnsperf is not installed")
    return found or PythonGenerator()


def _say(text: str) -> None:
    print(text, flush=True)


def _play(
    stage: Stage, chosen: Sequence[peers.Peer], only: Sequence[str], plan: Plan, seconds: float, out: Results
) -> None:
    rows = [row for row in ROWS if row.key in only]
    grown = [peer for peer in chosen if peer.name in plan.grown]
    if rows:
        rounds.play(stage, chosen, rows, plan.rounds, seconds, out)
    if "lost" in only:
        rounds.count_losses(stage, chosen, plan.lost_queries, out)
    if "zones" in only:
        extras.zones(stage, grown, plan.zones, seconds, out)
    if "workers" in only:
        extras.workers(stage, grown, seconds, out)
    if "cluster" in only:
        cluster.play(stage, plan.cluster, seconds, out)
    directives.play(stage, chosen, only, seconds, out)
    zones.play(stage, chosen, only, seconds, out)
    hardened.play(stage, chosen, only, seconds, out)
    if "size" in only:
        extras.sizes(stage, grown, plan.sizes, seconds, out)


def _write(options: argparse.Namespace, results: Results, about: dict[str, str], more: dict[str, object]) -> None:
    if options.json:
        aims = [{**asdict(aim), "verdict": aim.verdict} for aim in targets(results)]
        everything = {"machine": about, **more, **results.as_dict(), "targets": aims}
        options.json.write_text(json.dumps(everything, indent=1) + "\n")
    if options.svg and results.samples:
        subtitle = f"{about['processor']}, {about['python']}; same upstream, server on one core and load on another"
        options.svg.write_text(chart.render(results, subtitle))


if __name__ == "__main__":
    sys.exit(main())
