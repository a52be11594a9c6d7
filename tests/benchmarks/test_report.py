from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from benchmarks import chart, report
from benchmarks.measure import Sample
from benchmarks.results import LossCount, Results, Start
from benchmarks.targets import Target, targets


def sample(
    row: str, server: str, per_second: float, round_: int = 1, cpu: float | None = 10.0, variant: str = ""
) -> Sample:
    return Sample(
        row=row,
        server=server,
        variant=variant,
        round=round_,
        per_second=per_second,
        steady_per_second=30_000,
        sent=1000,
        lost=1,
        failed=2,
        p50_us=50,
        p99_us=100,
        cpu_us=cpu,
        upstream_cpu_us=0,
        busy=0.99,
        resident_mib=30,
        peak_mib=31,
    )


@pytest.fixture
def results() -> Results:
    found = Results()
    for number, speed in ((1, 100_000), (2, 300_000), (3, 200_000)):
        found.samples.append(sample("cached", "ours", speed, number))
        found.samples.append(sample("cached", "unbound", 250_000, number, cpu=8.0))
    found.samples.append(sample("size", "ours", 200_000, cpu=10, variant="1,000 names"))
    found.samples.append(sample("size", "ours", 150_000, cpu=15, variant="1,000,000 names"))
    found.starts.append(Start("ours", 1, 0.25))
    found.losses.append(LossCount("ours", 20_000, 3, 0))
    return found


def test_shows_medians_and_the_sum_of_losses(results: Results) -> None:
    text = report.render(results, {"ours": "0.1.0"}, ["coredns left out"])
    line = next(line for line in text.splitlines() if line.split()[:1] == ["ours"])
    assert line.split() == ["ours", "200,000", "99%", "202,020", "3", "6", "50.0", "100.0", "10.0", "30.0", "31.0"]
    assert "ours, 1,000,000 names" in text
    assert "cached, unbound" in text
    assert "0.80x" in text
    assert "coredns left out" in text


def test_says_when_cached_names_were_not_in_the_cache(results: Results) -> None:
    assert "asked its upstream" not in report.render(results, {}, [])
    results.samples.append(replace(sample("cached", "dnsmasq", 90_000), upstream_cpu_us=3.0))
    results.samples.append(replace(sample("miss", "unbound", 90_000), upstream_cpu_us=20.0))
    text = report.render(results, {}, [])
    assert "dnsmasq asked its upstream for cached names" in text
    assert "unbound asked its upstream" not in text


def test_a_starved_peer_is_no_reason_to_pass(results: Results) -> None:
    results.samples = [
        replace(s, per_second=s.per_second / 10, busy=s.busy / 10) if s.server == "unbound" else s
        for s in results.samples
    ]
    assert targets(results)[0].verdict == "short by 20%"
    assert "3 of 8 full loads" in report.render(results, {}, [])


def test_judges_targets(results: Results) -> None:
    verdicts = {target.title: target.verdict for target in targets(results)}
    assert verdicts["cached answers per CPU second, of unbound"] == "short by 20%"
    assert verdicts["cached answers per CPU second, of coredns"] == "not measured"
    assert verdicts["CPU per cached query at 30 k/s, of unbound"] == "short by 9%"
    assert verdicts["first answer after start"] == "PASS"
    assert verdicts["CPU per query, most against fewest cached names"] == "short by 20%"
    assert verdicts["CPU per query, 10,000 zones against none"] == "not measured"


def test_a_target_is_reached_at_its_limit() -> None:
    assert Target("least", 1, True, 1.0).verdict == "PASS"
    assert Target("most", 64, False, 64.0).verdict == "PASS"
    assert Target("most", 64, False, 80.0).verdict == "short by 25%"


def test_columns_line_up() -> None:
    text = report.table(("server", "n"), [("unbound", "1"), ("x", "1,000")])
    assert text.splitlines() == ["  server       n", "  unbound      1", "  x        1,000"]


def test_a_run_without_any_sample_still_has_a_table() -> None:
    assert "not measured" in report.render(Results(), {}, [])


def test_the_chart_is_well_formed_and_shows_every_server(results: Results) -> None:
    results.samples.append(sample("cached", "<odd> & name", 10))
    document = ElementTree.fromstring(chart.render(results, "processor & memory"))  # noqa: S314
    words = [element.text for element in document.iter("{http://www.w3.org/2000/svg}text")]
    assert {"ours", "unbound", "<odd> & name", "200,000", "processor & memory"} <= set(words)


def test_bars_are_drawn_to_scale(results: Results) -> None:
    document = ElementTree.fromstring(chart.render(results, ""))  # noqa: S314
    bars = [float(bar.get("width", 0)) for bar in document.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert bars[0] / bars[1] == pytest.approx(200_000 / 250_000, abs=0.01)
