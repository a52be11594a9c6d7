"""How many entries there are and how old they are."""

from __future__ import annotations

from pathlib import Path

from resolver.telemetry.metrics import Cell, Registry


class Metrics:
    """The gauges of one plugin; server blocks that read the same file add up, workers that do are the same entries."""

    def __init__(self, registry: Registry, path: Path) -> None:
        entries = registry.gauge(
            "coredns_hosts_entries", "Entries of hosts file and configuration.", ("hostsfile",), merge="max"
        )
        changed = registry.gauge(
            "coredns_hosts_reload_timestamp_seconds", "When the hosts file that was read last was changed.", merge="max"
        )
        self._entries: Cell = entries.cell(str(path))
        self._changed: Cell = changed.cell()
        self._own = 0

    def loaded(self, entries: int, changed: float | None) -> None:
        """Note what is now served, and when the file behind it was changed (seconds since 1970)."""
        self._entries.value += entries - self._own
        self._own = entries
        if changed is not None:
            self._changed.value = changed
