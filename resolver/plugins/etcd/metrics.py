"""What is known, and how it came."""

from __future__ import annotations

from resolver.telemetry.metrics import Cell, Registry


class Metrics:
    """The cells of one directive, told apart by its path in etcd."""

    def __init__(self, registry: Registry, path: str) -> None:
        keys = registry.gauge("coredns_etcd_keys", "Keys that are known.", ("path",))
        updates = registry.counter("coredns_etcd_updates_total", "Changes that etcd has told of.", ("path",))
        failures = registry.counter("coredns_etcd_failures_total", "Requests to etcd that failed.", ("path",))
        malformed = registry.counter("coredns_etcd_malformed_total", "Values that made no sense.", ("path",))
        self.keys: Cell = keys.cell(path)
        self.updates: Cell = updates.cell(path)
        self.failures: Cell = failures.cell(path)
        self.malformed: Cell = malformed.cell(path)
