"""The Grafana dashboard: every query names what is exported, and the panels lie side by side."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from shutil import which
from typing import Any

import pytest
import yaml

from tests.deploy.helm.charts import CHART
from tests.deploy.monitoring.promql import names, problems, result_labels
from tests.deploy.schemas import validate

MONITORING = CHART.parents[1] / "monitoring"
TEXT = (CHART / "files" / "dashboard.json").read_text(encoding="utf-8")
BOARD: dict[str, Any] = json.loads(TEXT)
PANELS: list[dict[str, Any]] = BOARD["panels"]
SHOWN = [panel for panel in PANELS if panel["type"] != "row"]
TARGETS = [(panel["title"], target) for panel in SHOWN for target in panel["targets"]]
UNITS = {"short", "reqps", "percentunit", "s", "bytes"}

every_query = pytest.mark.parametrize(("title", "target"), TARGETS, ids=lambda value: str(value)[:40])


@every_query
def test_a_query_asks_for_what_is_exported(
    title: str, target: dict[str, Any], known: Mapping[str, frozenset[str]]
) -> None:
    assert problems(target["expr"], known) == [], title


@every_query
def test_a_legend_names_only_labels_of_the_result(
    title: str, target: dict[str, Any], known: Mapping[str, frozenset[str]]
) -> None:
    named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    assert named <= result_labels(target["expr"], known), title


@every_query
def test_a_query_follows_the_choices_of_whoever_looks(title: str, target: dict[str, Any]) -> None:
    selectors = re.findall(r"\{(.*?)\}", target["expr"])
    assert selectors, title
    assert all('job=~"$job", instance=~"$instance"' in selector for selector in selectors), title
    assert target["datasource"]["uid"] == "${datasource}"
    assert not re.search(r"\[\d", target["expr"]), "a fixed range: take $__rate_interval"


def test_the_dashboard_shows_what_operators_look_for() -> None:
    shown = {name for _, target in TARGETS for name in names(target["expr"])}
    assert {
        "coredns_dns_requests_total",
        "coredns_dns_responses_total",
        "coredns_dns_request_duration_seconds_bucket",
        "coredns_cache_hits_total",
        "coredns_cache_drops_total",
        "coredns_proxy_request_duration_seconds_bucket",
        "coredns_proxy_healthcheck_failures_total",
        "coredns_kubernetes_dns_programming_duration_seconds_bucket",
        "coredns_searchpath_saved_queries_total",
        "coredns_policy_decisions_total",
        "coredns_audit_dropped_total",
        "coredns_identity_unverified_seconds",
        "coredns_ratelimit_limited_requests_total",
        "coredns_rrl_limited_total",
        "coredns_cookies_queries_total",
        "coredns_egress_set_failures_total",
        "coredns_tls_certificate_expiry_timestamp_seconds",
        "coredns_proxy_conn_failures_total",
    } <= shown
    assert [panel["title"] for panel in PANELS if panel["type"] == "heatmap"] == ["Latency"]


def test_panels_have_ids_of_their_own_and_titles_of_their_own() -> None:
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    for panel in SHOWN:
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references)
        assert panel["fieldConfig"]["defaults"]["unit"] in UNITS


def cells(panel: dict[str, Any]) -> set[tuple[int, int]]:
    place = panel["gridPos"]
    return {
        (column, line)
        for column in range(place["x"], place["x"] + place["w"])
        for line in range(place["y"], place["y"] + place["h"])
    }


def test_panels_lie_within_24_columns_and_not_on_each_other() -> None:
    for panel in PANELS:
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
    for one, other in combinations(PANELS, 2):
        assert not cells(one) & cells(other), f"{one['title']} and {other['title']}"


def test_rows_stand_above_what_belongs_to_them() -> None:
    heights = [panel["gridPos"]["y"] for panel in PANELS]
    assert heights == sorted(heights)
    assert PANELS[0]["type"] == "row"


def test_data_source_job_and_instance_can_be_chosen(known: Mapping[str, frozenset[str]]) -> None:
    variables = {variable["name"]: variable for variable in BOARD["templating"]["list"]}
    assert list(variables) == ["datasource", "job", "instance"]
    assert variables["datasource"]["query"] == "prometheus"
    for name in ("job", "instance"):
        found = re.fullmatch(r"label_values\((.+), (\w+)\)", variables[name]["query"]["query"])
        assert found
        assert found[2] == name
        assert problems(found[1], known) == []
    used = {word for word in re.findall(r"\$\{?(\w+)", TEXT) if not word.startswith("__")}
    assert used == set(variables)


def test_chart_and_kustomization_have_the_same_dashboard() -> None:
    assert (MONITORING / "dashboard.json").read_text(encoding="utf-8") == TEXT
    assert len(TEXT) < 250_000  # kubectl apply keeps a copy in an annotation, which may have 256 KiB


@pytest.mark.skipif(which("kubectl") is None, reason="building the kustomization needs kubectl")
def test_the_kustomization_is_valid(tmp_path: Path) -> None:
    run = subprocess.run(
        ["kubectl", "kustomize", str(MONITORING)], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    documents = list(yaml.safe_load_all(run.stdout))
    assert validate(documents) == []
    (board,) = [document for document in documents if document["kind"] == "ConfigMap"]
    assert board["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert json.loads(board["data"]["k8s-resolver.json"]) == BOARD
