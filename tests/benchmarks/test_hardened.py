"""The rows of policy, limits, audit and encryption: what the servers are told, and what a run makes of it."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks import chart, hardened, names, secured
from benchmarks.dnsperf import arguments
from benchmarks.load import PythonGenerator
from benchmarks.measure import CACHED_NAMES
from benchmarks.outcome import Load, LoadError
from benchmarks.peers import ours
from benchmarks.peers.base import Setup
from benchmarks.processes import Running
from benchmarks.results import Results
from benchmarks.stage import Cores, Deadline, Stage
from benchmarks.targets import kept, targets
from benchmarks.upstream import Upstream
from resolver.config.load import load_text
from tests.benchmarks.test_report import sample
from tests.plugins.chains import World

PAIR = secured.Pair(Path("bench.crt"), Path("bench.key"))
DIRECTIVES = [
    pytest.param(made, id=f"{added.row.key}-{variant}")
    for added in hardened.ADDED
    for variant, made in added.directives.items()
]


def setup(directory: Path) -> Setup:
    return Setup(5353, 53, 9153, directory, 1000)


def stage(directory: Path, left: float) -> Stage:
    with subprocess.Popen(["true"]) as ended:
        upstream = Upstream("none", 53, Running("none", ended, directory / "log", 0))
    return Stage(PythonGenerator(), upstream, Cores({0}, {0}, {0}, {0}), directory, Deadline(left), print)


@pytest.mark.parametrize("made", DIRECTIVES)
def test_each_block_can_be_built(made: Callable[[Setup], str], tmp_path: Path) -> None:
    for block in load_text(hardened.extended(setup(tmp_path), made(setup(tmp_path))), environ={}).blocks:
        World().build_source(block, tmp_path)


def test_each_cached_name_has_a_rule_of_its_own(tmp_path: Path) -> None:
    policy = next(added for added in hardened.ADDED if added.row is hardened.POLICY)
    policy.directives[hardened.WITH](setup(tmp_path))
    rules = (tmp_path / "rules.txt").read_text().splitlines()
    assert {f"allow {name}" for name in names.cached(CACHED_NAMES)} <= set(rules)
    assert len(set(rules)) == hardened.RULES + 1


@pytest.mark.parametrize("mode", ["dot", "doh"])
@pytest.mark.parametrize("server", list(secured.LISTENING))
def test_listeners_are_on_loopback_and_have_the_certificate(server: str, mode: str, tmp_path: Path) -> None:
    secured.LISTENING[server](mode, PAIR, 8853).command(setup(tmp_path))
    written = " ".join(path.read_text() for path in tmp_path.iterdir())
    assert str(PAIR.certificate) in written
    assert "8853" in written
    assert "127.0.0.1" in written
    assert "0.0.0.0" not in written


@pytest.mark.parametrize(("server", "scheme"), list(secured.ASKING))
def test_upstreams_are_verified(server: str, scheme: str, tmp_path: Path) -> None:
    secured.ASKING[server, scheme](scheme, PAIR)(setup(tmp_path))
    written = " ".join(path.read_text() for path in tmp_path.iterdir())
    assert str(PAIR.certificate) in written
    assert secured.HOST in written


def test_ours_is_measured_with_every_protocol() -> None:
    assert {scheme for server, scheme in secured.ASKING if server == ours.PEER.name} == set(secured.SCHEMES)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_the_certificate_is_for_loopback(tmp_path: Path) -> None:
    pair = hardened.certificate(tmp_path)
    shown = subprocess.run(
        ["openssl", "verify", "-CAfile", str(pair.certificate), "-verify_ip", "127.0.0.1", str(pair.certificate)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr


def test_dnsperf_is_told_the_protocol() -> None:
    for mode in ("dot", "doh"):
        words = arguments(Load(port=853, names=Path("names"), seconds=1, mode=mode))
        assert words[words.index("-m") + 1] == mode


def test_without_dnsperf_encrypted_rows_are_left_out_with_the_reason(tmp_path: Path) -> None:
    out, on = Results(), stage(tmp_path, 60)
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    hardened.play(on, [ours.PEER], ["dot"], 0.2, out)
    assert on.notes == ["dot: dnsperf is not installed, and the Python generator has no TLS"]
    assert not out.samples


def test_rows_without_time_are_left_out_with_the_reason(tmp_path: Path) -> None:
    on = stage(tmp_path, 1)
    hardened.play(on, [ours.PEER], ["ratelimit"], 0.2, Results())
    assert on.notes == ["ratelimit: ours without left out, out of time", "ratelimit: ours with left out, out of time"]


def test_what_is_left_is_judged_against_the_same_block_without() -> None:
    found = Results()
    found.samples.append(sample("policy", "ours", 200_000, variant=hardened.WITHOUT))
    found.samples.append(sample("policy", "ours", 90_000, variant=hardened.WITH))
    assert kept(found, "policy") == pytest.approx(0.45)
    (verdict,) = [aim.verdict for aim in targets(found) if "policy" in aim.title]
    assert verdict == "short by 10%"


def test_the_chart_shows_what_a_directive_costs_and_each_kind_of_upstream() -> None:
    found = Results()
    found.samples.append(sample("audit", "ours", 200_000, variant=hardened.WITHOUT))
    found.samples.append(sample("audit", "ours", 90_000, variant=hardened.WITH))
    found.samples.append(sample("upstreams", "dnsdist", 9_000, variant="tls://"))
    shown = {panel.title: [name for name, _ in panel.bars] for panel in chart.panels(found)}
    assert shown == {
        "Cached answers and audit, per CPU second": ["without", "with"],
        "Misses from tls:// upstreams, per CPU second": ["dnsdist"],
    }


def counted(*figures: tuple[int, int]) -> hardened.Lines:
    """Lines that are lost and written as these figures say, one after the other."""
    left = iter(figures)
    return hardened.Lines(lambda: next(left), pause=0.0001, patience=0.001)


def test_the_audit_row_waits_until_all_lines_are_written() -> None:
    lines = counted((0, 10), (0, 10), (0, 500), (0, 900), (0, 1010), (0, 1010))
    lines.settle()
    lines.settle()
    assert list(lines.objections(1000)) == []


def test_lines_that_are_written_for_ever_are_no_measurement() -> None:
    with pytest.raises(LoadError, match="still being written"):
        counted(*((0, number) for number in range(100))).settle()


def test_what_was_lost_or_never_written_is_said() -> None:
    lines = counted((0, 10), (0, 10), (100, 800), (100, 800))
    lines.settle()
    lines.settle()
    assert list(lines.objections(1000)) == [
        "100 of 890 lines were lost, and counted as such",
        "110 of 1,000 answers have no line, and nobody counted them",
    ]
    assert list(counted().objections(1000)) == []


def test_the_audit_row_is_longer_than_a_queue_can_hide() -> None:
    queue = 8 << 20
    assert hardened.AUDIT.least * 50_000 * 250 > 4 * queue


def test_lines_that_were_lost_are_counted_over_all_places() -> None:
    text = """# TYPE coredns_audit_lines_total counter
coredns_audit_lines_total{sink="file a"} 10.0
coredns_audit_lines_total{sink="stdout"} 5.0
coredns_audit_dropped_total{sink="file a"} 2e+06
"""
    assert hardened.lines_counted(text) == (2_000_000, 15)
    assert hardened.lines_counted("") == (0, 0)
