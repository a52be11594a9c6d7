"""How queries fared."""

from __future__ import annotations

from resolver.chain.query import Site
from resolver.telemetry.metrics import Cell, Registry


class Metrics:
    """Counters of all ``acl`` directives."""

    def __init__(self, registry: Registry) -> None:
        labels = ("server", "zone", "view")
        self._refused = {
            "block": registry.counter("coredns_acl_blocked_requests_total", "Queries that were refused.", labels),
            "filter": registry.counter(
                "coredns_acl_filtered_requests_total", "Queries that got an empty answer.", labels
            ),
            "drop": registry.counter("coredns_acl_dropped_requests_total", "Queries that got no answer.", labels),
        }
        self._allowed = registry.counter(
            "coredns_acl_allowed_requests_total", "Queries that were let pass.", ("server", "view")
        )
        self._last: tuple[Site, Cell] | None = None

    def count(self, action: str, site: Site, zone: str) -> None:
        """One query that was not let pass; ``zone`` is that of the list which decided."""
        self._refused[action].cell(site.server, zone, site.view).value += 1

    def allowed(self, site: Site) -> Cell:
        """The cell for queries that are let pass."""
        if self._last is None or self._last[0] is not site:
            self._last = site, self._allowed.cell(site.server, site.view)
        return self._last[1]
