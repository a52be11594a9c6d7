"""Metrics of the process itself and of Python, read when somebody scrapes."""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import resource
import sys
import time
from pathlib import Path

from resolver.telemetry.metrics import Registry

_PROC = Path("/proc/self")
_VERSION = "coredns_build_info"


def watch_process(registry: Registry, version: str, revision: str = "", *, proc: Path = _PROC) -> None:
    """Add the build, process and garbage collection metrics to the registry; more than once does no harm."""
    if _VERSION in registry:
        return
    build = registry.gauge(
        _VERSION, "Always 1; the labels tell which version runs.", ("version", "revision", "goversion"), merge="max"
    )
    build.cell(version, revision, f"python{platform.python_version()}").value = 1
    registry.before_read(_Process(registry, proc).read)


class _Process:
    """Memory, time, descriptors and garbage collection. What the system does not tell is left out."""

    def __init__(self, registry: Registry, proc: Path) -> None:
        self.proc = proc
        self.cpu = registry.counter("process_cpu_seconds_total", "CPU time in user and system mode.")
        self.start = registry.gauge("process_start_time_seconds", "When the process began, since 1970.", merge="min")
        self.resident = registry.gauge("process_resident_memory_bytes", "Resident memory.")
        self.virtual = registry.gauge("process_virtual_memory_bytes", "Virtual memory.")
        self.open = registry.gauge("process_open_fds", "Open file descriptors.")
        self.most = registry.gauge("process_max_fds", "File descriptors that may be open.", merge="max")
        self.threads = registry.gauge("process_threads", "Threads of the operating system.")
        self.tasks = registry.gauge("python_asyncio_tasks", "Tasks of the event loop that have not ended.")
        labels = ("generation",)
        self.runs = registry.counter("python_gc_collections_total", "Garbage collections by generation.", labels)
        self.collected = registry.counter("python_gc_objects_collected_total", "Objects that those freed.", labels)
        self.stuck = registry.counter("python_gc_objects_uncollectable_total", "Objects not to be freed.", labels)
        self.info = registry.gauge(
            "python_info", "Always 1; the labels tell which Python runs.", ("implementation", "version"), merge="max"
        )

    def read(self) -> None:
        """Bring all cells up to date."""
        self.cpu.cell().value = time.process_time()
        self.most.cell().value = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        self.info.cell(platform.python_implementation(), platform.python_version()).value = 1
        for generation, figures in enumerate(gc.get_stats()):
            label = str(generation)
            self.runs.cell(label).value = figures["collections"]
            self.collected.cell(label).value = figures["collected"]
            self.stuck.cell(label).value = figures["uncollectable"]
        try:
            self.tasks.cell().value = len(asyncio.all_tasks())
        except RuntimeError:
            pass  # whoever asks has no loop
        try:
            self._read_proc()
        except (OSError, ValueError, IndexError):
            return  # not Linux, or /proc is hidden from us

    def _read_proc(self) -> None:
        # Everything behind the program's name, which may hold spaces and brackets (proc(5)).
        fields = (self.proc / "stat").read_bytes().rsplit(b")", 1)[1].split()
        self.threads.cell().value = int(fields[17])
        self.virtual.cell().value = int(fields[20])
        self.resident.cell().value = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
        self.open.cell().value = sum(1 for _ in (self.proc / "fd").iterdir()) - 1  # one is open for this very look
        if not self.start.cells:
            age = time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")
            self.start.cell().value = time.time() - age


class RuntimeDetail:
    """What ``runtime_metrics`` adds: how Python and the kernel spend their effort."""

    def __init__(self, registry: Registry) -> None:
        kind = ("kind",)
        self.blocks = registry.gauge("python_allocated_blocks", "Memory blocks that Python has handed out.")
        self.young = registry.gauge("python_gc_pending_objects", "Allocations since a collection.", ("generation",))
        self.switches = registry.counter("process_context_switches_total", "Context switches.", kind)
        self.faults = registry.counter("process_page_faults_total", "Page faults.", kind)
        self.cpu = registry.counter("process_cpu_mode_seconds_total", "CPU time by mode.", ("mode",))
        self.peak = registry.gauge("process_peak_resident_memory_bytes", "Most memory that was ever resident.")

    def read(self) -> None:
        """Bring all cells up to date."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.blocks.cell().value = sys.getallocatedblocks()
        for generation, count in enumerate(gc.get_count()):
            self.young.cell(str(generation)).value = count
        self.switches.cell("voluntary").value = usage.ru_nvcsw
        self.switches.cell("involuntary").value = usage.ru_nivcsw
        self.faults.cell("minor").value = usage.ru_minflt
        self.faults.cell("major").value = usage.ru_majflt
        self.cpu.cell("user").value = usage.ru_utime
        self.cpu.cell("system").value = usage.ru_stime
        self.peak.cell().value = usage.ru_maxrss * 1024
