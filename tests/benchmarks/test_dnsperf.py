from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.dnsperf import arguments, parse
from benchmarks.outcome import Load, LoadError

SUMMARY = """\
Statistics:

  Queries sent:         2000
  Queries completed:    1990 (99.50%)
  Queries lost:         10 (0.50%)

  Response codes:       NOERROR 1980 (99.50%), SERVFAIL 10 (0.50%)
  Average packet size:  request 33, response 82
  Run time (s):         2.500000
  Queries per second:   796.000000

  Average Latency (s):  0.000064 (min 0.000012, max 0.001847)
  Latency StdDev (s):   0.000051
"""


def test_reads_counts_and_rate() -> None:
    outcome = parse(SUMMARY.splitlines(keepends=True))
    assert (outcome.sent, outcome.answered, outcome.lost, outcome.failed) == (2000, 1990, 10, 10)
    assert outcome.per_second == pytest.approx(796)
    assert outcome.p50 is None


def test_takes_percentiles_from_the_verbose_lines() -> None:
    verbose = [f"> NOERROR n{index}.bench.test A 0.000{index:03d}\n" for index in range(100)]
    outcome = parse([*verbose, "> T lost.bench.test A\n", *SUMMARY.splitlines(keepends=True)])
    assert outcome.p50 == pytest.approx(50)
    assert outcome.p99 == pytest.approx(99)


def test_counts_all_answers_as_failed_when_none_is_noerror() -> None:
    report = SUMMARY.replace("NOERROR 1980 (99.50%), SERVFAIL 10 (0.50%)", "REFUSED 1990 (100.00%)")
    assert parse(report.splitlines(keepends=True)).failed == 1990


def test_refuses_a_report_without_counts() -> None:
    with pytest.raises(LoadError, match="Queries sent"):
        parse(["Error: something else\n"])


def test_asks_for_a_rate_and_single_latencies_together() -> None:
    load = Load(port=53, names=Path("names"), seconds=1, rate=30_000, tcp=True, once=True)
    words = arguments(load)
    assert words[words.index("-Q") + 1] == "30000"
    assert {"-v", "-n", "tcp"} <= set(words)
    assert "-v" not in arguments(Load(port=53, names=Path("names"), seconds=1))
