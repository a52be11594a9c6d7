"""The metrics themselves: what operators look for is there, and the pages about them are right."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.deploy.monitoring.promql import Family, names, problems, result_labels

ROOT = Path(__file__).resolve().parents[3]
PAGES = {path.parent.name: path.read_text(encoding="utf-8") for path in (ROOT / "resolver/plugins").glob("*/README.md")}
# `coredns_cache_hits_total{server, type}`: a metric with its labels, as a page of a directive names it.
NAMED = re.compile(r"`(coredns_\w+)\{([^}]*)\}`")


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("coredns_build_info", {"version", "revision", "goversion"}),
        ("coredns_dns_requests_total", {"server", "zone", "view", "proto", "family", "type"}),
        ("coredns_dns_responses_total", {"server", "zone", "view", "rcode", "plugin"}),
        ("coredns_dns_request_duration_seconds", {"server", "zone", "view"}),
        ("coredns_cache_hits_total", {"server", "type", "zones", "view"}),
        ("coredns_proxy_request_duration_seconds", {"proxy_name", "to", "rcode"}),
        ("coredns_forward_request_duration_seconds", {"to", "rcode"}),
        ("coredns_forward_healthcheck_broken_total", set()),
        ("coredns_reload_failed_total", set()),
        ("coredns_worker_restarts_total", set()),
        ("coredns_kubernetes_dns_programming_duration_seconds", {"service_kind"}),
        ("coredns_nodecache_setup_errors_total", {"errortype"}),
    ],
)
def test_what_dashboards_have_always_looked_for_is_exported(
    exported: Mapping[str, Family], name: str, labels: set[str]
) -> None:
    assert exported[name].labels == labels


def test_the_pages_name_the_labels_that_metrics_have(exported: Mapping[str, Family]) -> None:
    checked = 0
    for page, text in PAGES.items():
        for name, said in NAMED.findall(text):
            if name in exported:
                labels = {part.partition("=")[0].strip() for part in said.split(",")} - {""}
                assert labels == exported[name].labels, f"{page}: {name}"
                checked += 1
    assert checked > 20


def test_a_query_for_what_is_not_there_is_found(known: Mapping[str, frozenset[str]]) -> None:
    def said(expression: str) -> str:
        return " ".join(problems(expression, known))

    assert said("sum by (rcode) (rate(coredns_dns_responses_total[5m]))") == ""
    assert said("coredns_dns_request_count_total") == "coredns_dns_request_count_total is not exported"
    assert said('coredns_dns_requests_total{rcode="A"}') == "coredns_dns_requests_total has no label rcode"
    assert "nothing to group by rcode" in said("sum by (rcode) (rate(coredns_dns_requests_total[5m]))")
    assert "nothing to group by type" in said("sum by (type) (sum by (job) (coredns_dns_requests_total))")
    assert said("coredns_dns_request_duration_seconds > 1") == "coredns_dns_request_duration_seconds is not exported"
    assert said("histogram_quantile(0.9, sum by (le) (coredns_dns_request_duration_seconds_bucket))") == ""
    with pytest.raises(ValueError, match="unclosed left parenthesis"):
        names("sum by (")


def test_the_labels_of_a_result_are_known(known: Mapping[str, frozenset[str]]) -> None:
    assert result_labels("sum by (job) (up) / sum by (job, pod) (up)", known) == {"job"}
    assert "to" in result_labels("rate(coredns_proxy_healthcheck_failures_total[5m]) > 0", known)
    assert result_labels("absent(up == 1)", known) == set()
