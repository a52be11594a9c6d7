"""What became of queries beyond the limit."""

from __future__ import annotations

from typing import Final

from resolver.chain.query import Site
from resolver.telemetry.metrics import Cell, Family, Registry

TRUNCATED, REFUSED, DROPPED, REPORTED = "truncated", "refused", "dropped", "reported"
ACTIONS: Final = (TRUNCATED, REFUSED, DROPPED, REPORTED)


class Metrics:
    """Counters of all ``ratelimit`` directives."""

    def __init__(self, registry: Registry) -> None:
        self._limited = registry.counter(
            "coredns_ratelimit_limited_requests_total",
            "Queries beyond the limit of their client, by what was done.",
            ("server", "zone", "view", "action"),
        )
        self._all = registry.counter(
            "coredns_ratelimit_dropped_request_total", "Queries beyond the limit that were not answered.", ("server",)
        )
        self.clients: Family = registry.gauge(
            "coredns_ratelimit_clients", "Clients that are remembered.", ("server", "zone", "view")
        )

    def cells(self, site: Site) -> dict[str, tuple[Cell, ...]]:
        """The cells to add to, by action."""
        every = self._all.cell(site.server)
        return {
            action: (self._limited.cell(*site, action), *(() if action == REPORTED else (every,))) for action in ACTIONS
        }
