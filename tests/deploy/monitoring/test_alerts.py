"""The alerts: they ask for what is exported, say what they know, and fire when they should."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Any

import pytest
import yaml

from tests.deploy.helm.charts import CHART
from tests.deploy.monitoring.promql import problems, result_labels
from tests.deploy.schemas import validate

MONITORING = CHART.parents[1] / "monitoring"
FILES = {path.name: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (CHART / "files").glob("*.yaml")}
COPIES = {"rules.yaml": "prometheusrule.yaml", "rules-mixin.yaml": "prometheusrule-coredns-mixin.yaml"}
ALERTS: list[dict[str, Any]] = [rule for file in FILES.values() for group in file["groups"] for rule in group["rules"]]
OURS = {rule["alert"] for group in FILES["rules.yaml"]["groups"] for rule in group["rules"]}

every_alert = pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: f"{rule['alert']}-{rule['labels']['severity']}")
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="evaluating alerts needs promtool (Debian package prometheus)"
)


@every_alert
def test_an_alert_asks_for_what_is_exported(rule: dict[str, Any], known: Mapping[str, frozenset[str]]) -> None:
    assert problems(rule["expr"], known) == []


@every_alert
def test_an_alert_names_only_labels_that_it_has(rule: dict[str, Any], known: Mapping[str, frozenset[str]]) -> None:
    said = set(re.findall(r"\$labels\.(\w+)", " ".join(rule["annotations"].values())))
    assert said <= result_labels(rule["expr"], known)


@every_alert
def test_an_alert_says_what_is_wrong_and_how_bad_it_is(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert set(rule["annotations"]) == {"summary", "description"}
    assert 'job="k8s-resolver"' in rule["expr"]
    assert rule["expr"].count('job="k8s-resolver"') == len(re.findall(r"\w\{", rule["expr"]))


def test_the_alerts_of_coredns_mixin_are_there_under_their_names() -> None:
    names = {rule["alert"] for rule in ALERTS} - OURS
    assert names == {
        "CoreDNSDown",
        "CoreDNSLatencyHigh",
        "CoreDNSErrorsHigh",
        "CoreDNSForwardLatencyHigh",
        "CoreDNSForwardErrorsHigh",
        "CoreDNSForwardHealthcheckFailureCount",
        "CoreDNSForwardHealthcheckBrokenCount",
    }


@pytest.mark.parametrize(("source", "copy"), COPIES.items())
def test_chart_and_kustomization_have_the_same_rules(source: str, copy: str) -> None:
    document = yaml.safe_load((MONITORING / copy).read_text(encoding="utf-8"))
    assert document["spec"] == FILES[source]
    assert validate([document]) == []


def test_the_page_explains_every_alert_and_no_other() -> None:
    page = (MONITORING / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)) == OURS


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    files = [str(CHART / "files" / name) for name in COPIES]
    run = subprocess.run(
        ["promtool", "check", "rules", *files], capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stdout + run.stderr
