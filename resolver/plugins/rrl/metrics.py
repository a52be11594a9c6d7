"""What was too much, of what and for whom."""

from __future__ import annotations

from typing import Final

from resolver.chain.query import Site
from resolver.plugins.rrl.settings import REQUEST
from resolver.telemetry.metrics import Registry

DROPPED, SLIPPED, REFUSED, REPORTED = "dropped", "slipped", "refused", "reported"
_MOST_CLIENTS: Final = 1000


class Metrics:
    """Counters of all ``rrl`` directives."""

    def __init__(self, registry: Registry) -> None:
        self._limited = registry.counter(
            "coredns_rrl_limited_total",
            "Answers and requests beyond their rate, by what was done.",
            ("server", "zone", "view", "kind", "action"),
        )
        self._requests = registry.counter(
            "coredns_rrl_requests_exceeded_total", "Requests beyond their rate.", ("client_ip",), limit=_MOST_CLIENTS
        )
        self._responses = registry.counter(
            "coredns_rrl_responses_exceeded_total", "Answers beyond their rate.", ("client_ip",), limit=_MOST_CLIENTS
        )

    def count(self, site: Site, kind: str, action: str, client: str) -> None:
        """Note one that is too many."""
        self._limited.cell(*site, kind, action).value += 1
        (self._requests if kind == REQUEST else self._responses).cell(client).value += 1
