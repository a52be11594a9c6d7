"""Whether the alerts fire when they should, and not when all is well: Prometheus' own engine says."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.helm.charts import CHART

RULES = [CHART / "files" / name for name in ("rules.yaml", "rules-mixin.yaml")]
CASES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "firing.yaml").read_text(encoding="utf-8"))
# A server that has nothing to complain about, for an hour.
WELL = {
    "up": "1x60",
    "process_start_time_seconds": "100x60",
    "process_open_fds": "50x60",
    "process_max_fds": "1000x60",
    "coredns_panics_total": "0x60",
    "coredns_worker_restarts_total": "1x60",
    "coredns_health_request_failures_total": "0x60",
    "coredns_reload_failed_total": "2x60",
    'coredns_reload_version_info{hash="sha512", value="1f"}': "1x60",
    'coredns_reload_version_info{instance="b", hash="sha512", value="1f"}': "1x60",
    'coredns_dns_responses_total{rcode="NOERROR", plugin="forward", server="dns://:53", zone="."}': "0+9000x60",
    'coredns_dns_responses_total{rcode="SERVFAIL", plugin="forward", server="dns://:53", zone="."}': "0+20x60",
    'coredns_dns_responses_total{rcode="NXDOMAIN", plugin="forward", server="dns://:53", zone="."}': "0+900x60",
    'coredns_dns_request_duration_seconds_bucket{server="dns://:53", zone=".", le="0.25"}': "0+9000x60",
    'coredns_dns_request_duration_seconds_bucket{server="dns://:53", zone=".", le="+Inf"}': "0+9000x60",
    "coredns_forward_healthcheck_broken_total": "3x60",
    "coredns_cache_bytes": "99x60",
    "coredns_cache_budget_bytes": "100x60",
    'coredns_cache_evictions_total{type="success"}': "0x60",
    'coredns_cache_hits_total{type="success"}': "0+800x60",
    "coredns_cache_requests_total": "0+1000x60",
    "coredns_cache_served_stale_total": "0+10x60",
    'coredns_kubernetes_synced{kind="services"}': "0 0 1x58",
    'coredns_kubernetes_rest_client_requests_total{code="200", method="GET", host="api"}': "0+10x60",
    'coredns_kubernetes_rest_client_requests_total{code="410", method="GET", host="api"}': "0+2x60",
    # Kinds that nobody has installed, such as those of the Gateway API, are looked for again and again.
    'coredns_kubernetes_rest_client_requests_total{code="404", method="GET", host="api"}': "0+8x60",
    'coredns_kubernetes_relists_total{kind="tlsroutes.gateway.networking.k8s.io", reason="absent"}': "0+3x60",
    "coredns_gateway_conflicts": "0x60",
    'coredns_policy_decisions_total{server="dns://:53", zone=".", action="refused"}': "0+900x60",
    'coredns_policy_decisions_total{server="dns://:53", zone=".", action="allow"}': "0+9000x60",
    'coredns_policy_rule_decisions_total{rule="rebinding", action="refused"}': "0x60",
    'coredns_policy_rule_decisions_total{rule="default", action="refused"}': "0+900x60",
    'coredns_policy_reload_failures_total{source="rules.txt"}': "1x60",
    # Of a ConfigMap with a mistake it is said as long as it counts in a former version or not at all.
    'coredns_policy_reload_failures_total{source="configmaps"}': "0+1x60",
    'coredns_policy_configmaps{state="in force"}': "9x60",
    'coredns_policy_configmaps{state="ignored"}': "0x60",
    # New Pods are known within moments.
    'coredns_policy_unknown_clients_total{server="dns://:53", zone=".", action="refused"}': "0+1x60",
    'coredns_policy_learn_lost_queries{file="names"}': "0x60",
    'coredns_policy_learn_failures_total{file="names"}': "0x60",
    'coredns_audit_dropped_total{sink="stdout"}': "3x60",
    'coredns_identity_unverified_seconds{scope="node"}': "0 20 60 0x57",
    'coredns_identity_lookups_total{result="found"}': "0+60x60",
    'coredns_identity_lookups_total{result="error"}': "0+1x60",
    'coredns_ratelimit_limited_requests_total{server="dns://:53", zone=".", action="refused"}': "0+1x60",
    'coredns_rrl_limited_total{server="dns://:53", zone=".", kind="responses", action="dropped"}': "0+1x60",
    'coredns_cookies_queries_total{server="dns://:53", zone=".", cookie="valid"}': "0+600x60",
    'coredns_cookies_queries_total{server="dns://:53", zone=".", cookie="invalid"}': "0+6x60",
    'coredns_egress_set_failures_total{table="inet dns", reason="full"}': "0x60",
    'coredns_tls_certificate_expiry_timestamp_seconds{certificate="tls.crt"}': "7776000x60",
    'coredns_tls_reload_failures_total{certificate="tls.crt"}': "1x60",
    'coredns_proxy_conn_failures_total{proxy_name="forward", to="9.9.9.9:853", proto="tcp-tls"}': "0+1x60",
    'coredns_proxy_conn_cache_misses_total{proxy_name="forward", to="9.9.9.9:853", proto="tcp-tls"}': "0+10x60",
}

pytestmark = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="evaluating alerts needs promtool (Debian package prometheus)"
)


def scraped(name: str, values: str) -> dict[str, str]:
    """A series as promtool wants it, with the labels that scraping adds."""
    metric, _, rest = name.partition("{")
    labels = [part for part in rest.removesuffix("}").split(", ") if part]
    if not any(label.startswith("instance=") for label in labels):
        labels.append('instance="a"')
    return {"series": f'{metric}{{job="k8s-resolver", {", ".join(labels)}}}', "values": values}


def firing(query: str, at: str, expected: list[str]) -> dict[str, Any]:
    return {"expr": query, "eval_time": at, "exp_samples": [{"labels": labels, "value": 1} for labels in expected]}


def case(each: dict[str, Any]) -> dict[str, Any]:
    """A test of promtool: the alert fires with its labels, and for nobody else."""
    severity = each.get("severity", "")
    chosen = f'ALERTS{{alertname="{each["alert"]}", alertstate="firing"'
    query = f'{chosen}, severity="{severity}"}}' if severity else f"{chosen}}}"
    labels = {"alertstate": "firing", "job": "k8s-resolver", "severity": severity or SEVERITY[each["alert"]]}
    text = ", ".join(f'{name}="{value}"' for name, value in (labels | each["labels"]).items() if value)
    return {
        "name": f"{each['alert']} {severity}".strip(),
        "interval": "1m",
        "input_series": [scraped(name, values) for name, values in each["series"].items()],
        "promql_expr_test": [firing(query, each["at"], [f'ALERTS{{alertname="{each["alert"]}", {text}}}'])],
    }


def alerts() -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]]
    return [rule for group in groups for rule in group["rules"]]


SEVERITY = {rule["alert"]: rule["labels"]["severity"] for rule in alerts()}


def promtool(folder: Path, tests: list[dict[str, Any]]) -> str:
    """What promtool says about these tests; empty where all pass."""
    asked = {"rule_files": [str(path) for path in RULES], "evaluation_interval": "1m", "tests": tests}
    (folder / "tests.yaml").write_text(yaml.safe_dump(asked))
    run = subprocess.run(
        ["promtool", "test", "rules", "tests.yaml"],
        cwd=folder, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    return "" if run.returncode == 0 else run.stdout + run.stderr


def test_each_alert_fires_for_what_it_is_about(tmp_path: Path) -> None:
    assert promtool(tmp_path, [case(each) for each in CASES]) == ""


def test_no_alert_fires_when_all_is_well(tmp_path: Path) -> None:
    well = [scraped(name, values) for name, values in WELL.items()]
    checks = [firing('ALERTS{alertstate="firing"}', at, []) for at in ("5m", "20m", "45m", "60m")]
    assert promtool(tmp_path, [{"interval": "1m", "input_series": well, "promql_expr_test": checks}]) == ""


def test_a_test_that_expects_what_does_not_happen_fails(tmp_path: Path) -> None:
    wrong = case(CASES[0]) | {"input_series": [scraped("up", "1x20")]}
    assert re.search("ResolverDown", promtool(tmp_path, [wrong]))


def test_every_alert_is_tried_at_every_severity() -> None:
    every = {(rule["alert"], rule["labels"]["severity"]) for rule in alerts()}
    assert {(each["alert"], each.get("severity", SEVERITY[each["alert"]])) for each in CASES} == every
