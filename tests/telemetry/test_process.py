"""Metrics of this very process."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
import threading
import time
from pathlib import Path

import pytest

from resolver.telemetry.metrics import Registry
from resolver.telemetry.process import RuntimeDetail, watch_process


def figures(registry: Registry) -> dict[str, dict[tuple[str, ...], float]]:
    return {
        family.name: {labels: cell.value for labels, cell in family.cells.items()} for family in registry.families()
    }


def test_the_build_is_named() -> None:
    registry = Registry()
    watch_process(registry, "1.2.3", "abc")
    labels = ("1.2.3", "abc", f"python{platform.python_version()}")
    assert figures(registry)["coredns_build_info"] == {labels: 1}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_descriptors_and_start_are_those_of_the_process() -> None:
    registry = Registry()
    watch_process(registry, "1")
    found = {name: cells.get((), 0) for name, cells in figures(registry).items()}
    assert 1 << 20 < found["process_resident_memory_bytes"] < found["process_virtual_memory_bytes"]
    assert 0 < time.time() - found["process_start_time_seconds"] < 24 * 3600
    assert found["process_cpu_seconds_total"] > 0
    assert found["process_max_fds"] > found["process_open_fds"]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_an_open_file_counts() -> None:
    registry = Registry()
    watch_process(registry, "1")
    before = figures(registry)["process_open_fds"][()]
    with open(os.devnull, "rb"):  # noqa: PTH123
        assert figures(registry)["process_open_fds"][()] == before + 1
    assert figures(registry)["process_open_fds"][()] == before


def test_garbage_collection_is_shown_by_generation() -> None:
    registry = Registry()
    watch_process(registry, "1")
    assert set(figures(registry)["python_gc_collections_total"]) == {("0",), ("1",), ("2",)}


@pytest.mark.parametrize("content", [b"", b"no bracket", b"1 (a) b) S 1 2"])
def test_what_the_system_hides_is_left_out(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "stat").write_bytes(content)
    registry = Registry()
    watch_process(registry, "1", proc=tmp_path)
    found = figures(registry)
    assert found["process_resident_memory_bytes"] == {}
    assert found["process_cpu_seconds_total"][()] > 0


def test_watching_twice_is_watching_once() -> None:
    registry = Registry()
    watch_process(registry, "1")
    watch_process(registry, "2")
    assert [labels[0] for labels in figures(registry)["coredns_build_info"]] == ["1"]


def test_runtime_detail_is_there_when_asked_for() -> None:
    registry = Registry()
    registry.before_read(RuntimeDetail(registry).read)
    found = figures(registry)
    assert found["python_allocated_blocks"][()] > 1000
    assert found["process_cpu_mode_seconds_total"][("user",)] > 0
    assert found["process_peak_resident_memory_bytes"][()] > 1 << 20
    assert set(found["process_context_switches_total"]) == {("voluntary",), ("involuntary",)}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_threads_and_tasks_are_those_of_the_moment() -> None:
    registry = Registry()
    watch_process(registry, "1")
    before = figures(registry)
    ended = asyncio.Event()
    waiting = asyncio.create_task(ended.wait())
    thread = threading.Thread(target=(stop := threading.Event()).wait)
    thread.start()
    now = figures(registry)
    assert now["python_asyncio_tasks"][()] == before["python_asyncio_tasks"][()] + 1
    assert now["process_threads"][()] == before["process_threads"][()] + 1
    stop.set()
    thread.join()
    ended.set()
    await waiting
