"""What a scraper reads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import accumulate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from resolver.telemetry.exposition import render
from resolver.telemetry.metrics import TIME_BUCKETS, Registry
from resolver.telemetry.snapshot import snapshot


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.counter("coredns_asked_total", "Questions.", ("name",)).cell('a "quoted"\\\nname').value = 3
    registry.gauge("coredns_entries", "Entries.").cell().value = 1.5
    histogram = registry.histogram("coredns_took_seconds", "Times.", ("zone",)).cell(".")
    histogram.observe(0.0002)
    histogram.observe(0.003, times=2)
    histogram.observe(100)
    return registry


def samples(text: str) -> dict[tuple[str, str], float]:
    """Value by name and ``le``."""
    found = {}
    for family in parse_text(text):
        for sample in family.samples:
            found[sample.name, sample.labels.get("le", "")] = sample.value
    return found


def test_names_come_out_as_they_were_given(registry: Registry) -> None:
    text = render(snapshot(registry))[1].decode()
    assert "# TYPE coredns_asked_total counter\n" in text
    assert "# TYPE coredns_entries gauge\n" in text
    assert "# TYPE coredns_took_seconds histogram\n" in text
    assert "_created" not in text


def test_values_and_cumulative_buckets_can_be_read_back(registry: Registry) -> None:
    found = samples(render(snapshot(registry))[1].decode())
    assert found["coredns_asked_total", ""] == 3
    assert found["coredns_entries", ""] == 1.5
    assert found["coredns_took_seconds_bucket", "0.00025"] == 1
    assert found["coredns_took_seconds_bucket", "0.002"] == 1
    assert found["coredns_took_seconds_bucket", "0.004"] == 3
    assert found["coredns_took_seconds_bucket", "8.192"] == 3
    assert found["coredns_took_seconds_bucket", "+Inf"] == 4
    assert found["coredns_took_seconds_count", ""] == 4
    assert found["coredns_took_seconds_sum", ""] == pytest.approx(100.0062)
    assert sum(name == "coredns_took_seconds_bucket" for name, _ in found) == len(TIME_BUCKETS) + 1


def test_whole_bounds_are_written_as_each_format_has_them() -> None:
    registry = Registry()
    registry.histogram("coredns_size_bytes", "Sizes.", (), (100, 64000)).cell().observe(90)
    plain = render(snapshot(registry))[1].decode()
    assert 'le="100"' in plain
    assert 'le="64000"' in plain
    openmetrics = render(snapshot(registry), "application/openmetrics-text; version=1.0.0")[1].decode()
    assert 'le="100.0"' in openmetrics


def test_label_values_are_escaped(registry: Registry) -> None:
    families = {family.name: family for family in parse_text(render(snapshot(registry))[1].decode())}
    assert families["coredns_asked"].samples[0].labels == {"name": 'a "quoted"\\\nname'}


def test_a_client_that_prefers_openmetrics_gets_it(registry: Registry) -> None:
    media_type, body = render(snapshot(registry), "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
    assert media_type.startswith("application/openmetrics-text; version=1.0.0")
    assert body.endswith(b"# EOF\n")
    families = {family.name: family for family in parse_openmetrics(body.decode())}  # type: ignore[no-untyped-call]
    assert families["coredns_asked"].samples[0].name == "coredns_asked_total"


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=0.0.4", "nonsense;;,,="])
def test_everybody_else_gets_plain_text(registry: Registry, accept: str) -> None:
    assert render(snapshot(registry), accept)[0] == "text/plain; version=0.0.4; charset=utf-8"


def test_a_family_without_cells_is_left_out() -> None:
    registry = Registry()
    registry.counter("coredns_asked_total", "Questions.", ("name",))
    assert render(snapshot(registry))[1] == b""


def test_prometheus_client_is_not_imported_before_the_first_scrape() -> None:
    code = "import sys, resolver.telemetry.exposition; print('prometheus_client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# --- the library's own writing of the same figures


class Collector:
    """A snapshot as prometheus-client wants to see one."""

    def __init__(self, families: list[list[Any]], whole_bounds: str) -> None:
        self.families = families
        self.whole_bounds = whole_bounds

    def collect(self) -> Iterator[Metric]:
        for kind, name, text, labels, _, bounds, cells in self.families:
            if not cells:
                continue
            if kind == "histogram":
                yield self._histogram(name, text, labels, bounds, cells)
                continue
            plain = (CounterMetricFamily if kind == "counter" else GaugeMetricFamily)(name, text, labels=labels)
            for values, value in cells:
                plain.add_metric(values, value)
            yield plain

    def _histogram(self, name: str, text: str, labels: list[str], bounds: list[float], cells: Any) -> Metric:
        found = HistogramMetricFamily(name, text, labels=labels)
        limits = [repr(float(bound)).removesuffix(self.whole_bounds) for bound in bounds] + ["+Inf"]
        for values, counts, total in cells:
            found.add_metric(values, list(zip(limits, accumulate(counts), strict=True)), total)
        return found


numbers = st.one_of(st.integers(0, 2**70), st.floats(), st.integers(-5, 5))
counts = st.one_of(st.integers(0, 3), st.integers(0, 2**53))
some_labels = st.lists(st.sampled_from(("a", "le_a", "kind", "lf", "z")), unique=True, max_size=4)


@st.composite
def any_family(draw: st.DrawFn, number: int) -> list[Any]:
    kind = draw(st.sampled_from(("counter", "gauge", "histogram")))
    name = f"m{number}_total" if kind == "counter" else f"m{number}_seconds"
    labels = draw(some_labels)
    values = st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), max_size=5), min_size=len(labels), max_size=len(labels)
    )
    if kind == "histogram":
        bounds = draw(st.lists(st.sampled_from((0, 0.00025, 1, 2.5, 511, 64000)), unique=True).map(sorted))
        buckets = st.lists(counts, min_size=len(bounds) + 1, max_size=len(bounds) + 1)
        cells = draw(st.lists(st.tuples(values, buckets, numbers).map(list), max_size=3))
    else:
        bounds, cells = [], draw(st.lists(st.tuples(values, numbers).map(list), max_size=3))
    return [kind, name, draw(st.text('ab\\"\n', max_size=6)), labels, "sum", bounds, cells]


@given(st.data(), st.integers(0, 3), st.sampled_from(("", "application/openmetrics-text;version=1.0.0")))
def test_the_octets_are_those_that_the_library_would_write(data: st.DataObject, size: int, accept: str) -> None:
    families = [data.draw(any_family(number)) for number in range(size)]
    encode, media_type = choose_encoder(accept)
    expected = encode(Collector(families, "" if accept else ".0"))
    assert render(families, accept) == (media_type, expected)
