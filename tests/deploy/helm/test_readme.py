"""The pages about the chart tell what is in it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import resolver
from tests.deploy.helm.charts import CHART, RenderError, Values, defaults, merged
from tests.deploy.helm.conftest import Release

README = (CHART / "README.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"^\| `([\w.]+)` \| `(.*?)` \| .+ \|$", README.partition("## All values")[2], re.MULTILINE))


def default(name: str) -> Any:
    value: Any = defaults()
    for step in name.split("."):
        value = value[step]
    return value


def leaves(tree: Values, above: str = "") -> set[str]:
    """The names of all values, a mapping that is described as a whole counting as one."""
    names: set[str] = set()
    for key, value in tree.items():
        name = f"{above}{key}"
        if isinstance(value, dict) and value and name not in ROWS:
            names |= leaves(value, f"{name}.")
        else:
            names.add(name)
    return names


def test_the_table_lists_every_value_and_no_other() -> None:
    assert set(ROWS) == leaves(defaults())


def test_the_table_tells_the_defaults() -> None:
    for name, text in ROWS.items():
        value = default(name)
        assert text == (value or '""' if isinstance(value, str) else json.dumps(value)), name


def test_every_value_has_an_effect() -> None:
    templates = "".join(path.read_text(encoding="utf-8") for path in (CHART / "templates").iterdir())
    for name in ROWS:
        *_, last = name.split(".")
        assert re.search(rf"[.\"]{last}\b", templates) or name.split(".")[0].endswith("Probe"), name


def test_the_renderer_has_no_function_that_the_chart_does_not_use() -> None:
    templates = "".join(path.read_text(encoding="utf-8") for path in (CHART / "templates").iterdir())
    source = (CHART.parents[2] / "tests/deploy/helm/render/functions.go").read_text(encoding="utf-8")
    offered = re.findall(r'^\t\t"(\w+)":', source, re.MULTILINE)
    assert len(offered) > 20
    assert [name for name in offered if not re.search(rf"\b{name}\b", templates)] == []


def test_the_notes_name_what_the_user_needs_next(release: Release) -> None:
    notes = release({"service": {"clusterIP": "10.96.0.53"}}).notes
    assert "nameservers: [10.96.0.53]" in notes
    assert "rollout status deployment/dns-k8s-resolver" in notes
    assert "daemonset/dns-k8s-resolver" in release({"mode": "nodeLocal"}).notes
    assert "Priority" in release(namespace="dns").notes


def test_the_chart_has_the_version_of_the_server() -> None:
    text = (CHART / "Chart.yaml").read_text(encoding="utf-8")
    assert f"appVersion: {resolver.__version__}\n" in text


def test_values_are_merged_and_a_key_that_stands_twice_is_found(release: Release) -> None:
    assert merged({"a": {"b": 1, "c": 2}}, {"a": {"b": None, "d": 3}}) == {"a": {"c": 2, "d": 3}}
    with pytest.raises(RenderError, match="stands twice"):
        release({"podLabels": {"app.kubernetes.io/name": "other"}})
