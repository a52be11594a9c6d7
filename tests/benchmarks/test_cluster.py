"""The API server of the benchmark, asked as a client of Kubernetes asks."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster import objects
from benchmarks.cluster.row import wait_until_listening
from benchmarks.processes import free_ports, running

WATCH = "/apis/discovery.k8s.io/v1/endpointslices?watch=true"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[int]:
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "benchmarks.cluster.api", str(port), "7", "2"]
    with running("api", command, os.sched_getaffinity(0), tmp_path, {"PYTHONPATH": str(ROOT)}) as server:
        wait_until_listening(server, port)
        yield port


def test_pages_hold_every_service_once(api: int) -> None:
    first = _get(api, "/api/v1/services?limit=5")
    rest = _get(api, f"/api/v1/services?limit=5&continue={first['metadata']['continue']}")
    found = [item["metadata"]["name"] for item in (*first["items"], *rest["items"])]
    assert found == [*(f"svc{number}" for number in range(7)), objects.PROBE]
    assert "continue" not in rest["metadata"]


def test_a_watch_hears_of_the_changes(api: int) -> None:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{api}/apis/discovery.k8s.io/v1/endpointslices?watch=true", timeout=10
    ) as watch:
        _get(api, "/bench/change?rate=200&seconds=0.2")
        events = [json.loads(watch.readline()) for _ in range(5)]
    assert {event["type"] for event in events} == {"MODIFIED"}
    assert len({event["object"]["metadata"]["resourceVersion"] for event in events}) == 5


def test_the_moment_of_each_change_of_the_probe_is_told(api: int) -> None:
    with urllib.request.urlopen(
        f"http://127.0.0.1:{api}/apis/discovery.k8s.io/v1/endpointslices?watch=true", timeout=10
    ) as watch:
        _get(api, "/bench/change?rate=200&seconds=0.2")
        changed = next(event for line in watch if "probe" in (event := json.loads(line))["object"]["metadata"]["name"])
    assert changed["object"]["endpoints"][0]["addresses"] == [objects.address(11, 1)]
    assert _get(api, "/bench/changes")[0][0] == 1


def test_names_and_objects_agree() -> None:
    names = list(objects.endpoint_names(3, 2))
    assert len(set(names)) == 6
    assert names[0] == "10-0-0-0.svc0.ns0.svc.cluster.local"
    assert objects.slice_of(1, 2)["endpoints"][1]["addresses"] == ["10.0.0.3"]
    assert "10-0-0-3.svc1.ns1.svc.cluster.local" in names


def _get(api: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{api}{path}", timeout=10) as answer:
        return json.load(answer)
