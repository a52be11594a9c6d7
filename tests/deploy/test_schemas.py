"""The offline validation itself: it takes what is right and names what is wrong."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from tests.deploy.schemas import NEWEST, OLDEST, validate

DEPLOYMENT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "resolver", "labels": {"app": "resolver"}},
    "spec": {
        "selector": {"matchLabels": {"app": "resolver"}},
        "template": {
            "metadata": {"labels": {"app": "resolver"}},
            "spec": {"containers": [{"name": "resolver", "image": "k8s-resolver:0.1.0"}]},
        },
    },
}


def changed(path: str, value: object) -> dict[str, Any]:
    document = deepcopy(DEPLOYMENT)
    *steps, last = path.split(".")
    place: Any = document
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return document


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_a_right_manifest_is_taken(version: str) -> None:
    assert validate([DEPLOYMENT], version) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("spec.replica", 2),
        ("spec.replicas", "two"),
        ("metadata.name", "Under_score"),
        ("metadata.lables", {}),
        ("metadata.labels", {"app": "-no-"}),
        ("metadata.namespace", "two.labels"),
        ("spec.template.spec.containers.0.imagePullPolice", "Always"),
        ("spec.template.spec.containers.0.ports", [{"containerPort": "dns"}]),
        ("spec.template.metadata.labels", {"app": "x" * 64}),
    ],
)
def test_a_mistake_is_found(path: str, value: object) -> None:
    assert len(validate([changed(path, value)])) == 1


def test_a_kind_without_a_schema_is_a_mistake() -> None:
    assert validate([{"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a"}}]) == [
        f"Thing/a: no schema for Thing of example.com/v1 in Kubernetes {NEWEST}"
    ]


def test_two_of_one_name_are_a_mistake() -> None:
    assert validate([DEPLOYMENT, DEPLOYMENT]) == ["Deployment/resolver: stands twice"]


def test_a_custom_kind_is_held_against_its_own_schema() -> None:
    monitor = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {"name": "resolver"},
        "spec": {"selector": {"matchLabels": {"app": "resolver"}}, "podMetricsEndpoints": [{"port": "metrics"}]},
    }
    assert validate([monitor]) == []
    monitor["spec"] = {"selector": {}, "podMetricsEndpoints": [{"prot": "metrics"}]}
    assert len(validate([monitor])) == 1
