from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from benchmarks.names import question
from benchmarks.processes import StartError, descendants, free_ports, running, seconds_to_answer
from benchmarks.stage import Cores, Deadline
from benchmarks.upstream import upstream

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENT = {"PYTHONPATH": str(ROOT)}
RESPONDER = [sys.executable, "-m", "benchmarks.responder"]


def test_a_server_is_timed_watched_and_stopped(tmp_path: Path) -> None:
    cores = {min(os.sched_getaffinity(0))}
    (port,) = free_ports(1)
    before = os.sched_getaffinity(0)
    with running("responder", [*RESPONDER, str(port)], cores, tmp_path, ENVIRONMENT) as server:
        assert 0 < seconds_to_answer(server, port, question("a.bench.test", 9)) < 20
        assert server.cpu_seconds() > 0
        assert server.peak_kib() >= server.resident_kib() > 1000
        assert os.sched_getaffinity(0) == before
    with pytest.raises(StartError, match="ended with status"):
        server.check_alive()


def test_children_of_a_server_are_counted_and_end_with_it(tmp_path: Path) -> None:
    script = "import os, time; os.fork(); print('x' * 10, flush=True); time.sleep(60)"
    with running("forker", [sys.executable, "-c", script], os.sched_getaffinity(0), tmp_path) as server:
        while len((tmp_path / "forker.log").read_text().split()) < 2:
            server.check_alive()
        pids = server.pids()
        assert len(pids) == 2
    deadline = time.monotonic() + 5
    while any(_runs(pid) for pid in pids):
        assert time.monotonic() < deadline


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_server_that_ends_says_why(tmp_path: Path) -> None:
    words = [sys.executable, "-c", "raise SystemExit('no such option')"]
    (port,) = free_ports(1)
    with (
        pytest.raises(StartError, match="status 1: no such option"),
        running("broken", words, os.sched_getaffinity(0), tmp_path) as server,
    ):
        seconds_to_answer(server, port, question("a.bench.test"))


def test_a_missing_program_is_an_error_of_ours(tmp_path: Path) -> None:
    with (
        pytest.raises(StartError, match="no-such-program"),
        running("missing", ["no-such-program"], os.sched_getaffinity(0), tmp_path),
    ):
        pass


def test_the_tree_holds_children_of_children() -> None:
    assert descendants(1, {2: 1, 3: 2, 4: 9, 5: 1}) == [1, 2, 5, 3]


def test_ports_are_different() -> None:
    assert len(set(free_ports(20))) == 20


def test_the_upstream_answers_every_name(tmp_path: Path) -> None:
    with upstream(tmp_path / "upstream", os.sched_getaffinity(0)) as behind:
        assert seconds_to_answer(behind.server, behind.port, question("any.name.bench.test")) > 0


@pytest.mark.parametrize(
    ("allowed", "server", "load", "behind", "two_workers"),
    [
        ({0}, {0}, {0}, {0}, {0}),
        ({0, 1}, {0}, {1}, {1}, {0, 1}),
        ({2, 3, 5}, {2}, {3}, {5}, {2, 3, 5}),
        ({0, 1, 2, 3}, {0}, {1}, {2}, {0, 3}),
    ],
)
def test_cores_are_shared_out(
    allowed: set[int], server: set[int], load: set[int], behind: set[int], two_workers: set[int]
) -> None:
    cores = Cores.share_out(allowed)
    assert (cores.server, cores.load, cores.upstream) == (server, load, behind)
    assert cores.for_workers(2) == two_workers


def test_a_deadline_counts_down() -> None:
    now = [10.0]
    deadline = Deadline(5, lambda: now[0])
    now[0] = 12.0
    assert deadline.left() == 3
