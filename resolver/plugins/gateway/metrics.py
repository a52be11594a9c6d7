"""How many names there are, and how much is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from resolver.plugins.gateway.names import Names
from resolver.telemetry.metrics import Registry
from resolver.wire.names import to_text


class Metrics:
    """The figures of one directive. Directives that serve the same zone add up, workers serve the same names."""

    def __init__(self, registry: Registry, names: Names) -> None:
        self._names_gauge = registry.gauge(
            "coredns_gateway_names", "Names that are served, wildcards included.", ("zone",), merge="max"
        )
        self._objects_gauge = registry.gauge(
            "coredns_gateway_objects", "Objects that name hosts, by kind.", ("kind",), merge="max"
        )
        self._conflicts_gauge = registry.gauge(
            "coredns_gateway_conflicts", "Names that not every object got that claims them.", merge="max"
        )
        self._skipped = registry.counter(
            "coredns_gateway_objects_skipped_total",
            "Hosts, records and addresses of objects that were left out.",
            ("kind", "reason"),
            limit=1000,
        )
        self._names = names
        self._shown: Counter[tuple[str, str]] = Counter()
        self._end: Callable[[], None] = registry.before_read(self._read)

    def skipped(self, kind: str, reason: str) -> None:
        """Something of an object of that kind was left out."""
        self._skipped.cell(kind, reason).value += 1

    def close(self) -> None:
        """Show nothing any more."""
        self._end()
        self._show(Counter())

    def _read(self) -> None:
        names = self._names
        now: Counter[tuple[str, str]] = Counter()
        now.update({("zone", to_text(zone)): size for zone, size in names.zone_sizes.items()})
        now.update(("kind", kind) for kind in names.objects)
        now["conflicts", ""] = len(names.disputes)
        self._show(now)

    def _show(self, now: Counter[tuple[str, str]]) -> None:
        """Add what has changed to cells that other directives may share."""
        families = {"zone": self._names_gauge, "kind": self._objects_gauge, "conflicts": self._conflicts_gauge}
        for what, label in {**now, **self._shown}:
            cell = families[what].cell(*((label,) if label else ()))
            cell.value += now[what, label] - self._shown[what, label]
        self._shown = now
