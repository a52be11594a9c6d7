"""What ``cache`` counts, under the names of CoreDNS."""

from __future__ import annotations

from collections.abc import Sequence

from resolver.chain.query import Site
from resolver.telemetry.metrics import Cell, Registry
from resolver.wire.names import to_text

MAX_LABEL = 1024  # characters

_SITE = ("server", "zones", "view")
_SITE_AND_TYPE = ("server", "type", "zones", "view")


def label_of(zones: Sequence[bytes]) -> str:
    """The label ``zones``: all names, or as many of a long list as a label should hold."""
    shown: list[str] = []
    room = MAX_LABEL
    for zone in zones:
        name = to_text(zone)
        room -= len(name) + 1
        if room < 0:
            return f"{','.join(shown)} and {len(zones) - len(shown)} more"
        shown.append(name)
    return ",".join(shown)


class Meters:
    """The counters of one site. ``found`` and its like are what a replayed answer of that kind counts."""

    __slots__ = ("drops", "found_denial", "found_success", "hits_denial", "hits_success", "misses", "prefetches",
                 "requests", "stale", "stale_denial", "stale_success")  # fmt: skip

    def __init__(self, registry: Registry, site: Site, zones: str) -> None:
        server, view = site.server, site.view

        def counter(name: str, text: str) -> Cell:
            cell: Cell = registry.counter(f"coredns_cache_{name}_total", text, _SITE).cell(server, zones, view)
            return cell

        hits = registry.counter("coredns_cache_hits_total", "Answers found in the cache.", _SITE_AND_TYPE)
        self.hits_success: Cell = hits.cell(server, "success", zones, view)
        self.hits_denial: Cell = hits.cell(server, "denial", zones, view)
        self.requests = counter("requests", "Questions that the cache was asked.")
        self.misses = counter("misses", "Questions that the cache had no answer to; better take requests less hits.")
        self.prefetches = counter("prefetch", "Answers fetched anew before somebody had to wait for them.")
        self.drops = counter("drops", "Answers not kept because they are to another question.")
        self.stale = counter("served_stale", "Answers served although their time was over.")
        self.found_success = (self.requests.add, self.hits_success.add)
        self.found_denial = (self.requests.add, self.hits_denial.add)
        self.stale_success = (*self.found_success, self.stale.add)
        self.stale_denial = (*self.found_denial, self.stale.add)


class Gauges:
    """What is read from the stores when somebody scrapes: entries, evictions."""

    __slots__ = ("_entries", "_evictions", "_zones")

    def __init__(self, registry: Registry, zones: str) -> None:
        self._zones = zones
        self._entries = registry.gauge("coredns_cache_entries", "Answers in the cache.", _SITE_AND_TYPE)
        self._evictions = registry.counter(
            "coredns_cache_evictions_total", "Answers that had to give way to others.", _SITE_AND_TYPE
        )

    def entries(self, site: Site, kind: str, number: int) -> None:
        """Set how many answers of a kind (``success`` or ``denial``) there are."""
        self._entries.cell(site.server, kind, self._zones, site.view).value = number

    def evicted(self, site: Site, kind: str, number: int) -> None:
        """Count answers that gave way."""
        self._evictions.cell(site.server, kind, self._zones, site.view).value += number

    def drop(self, site: Site) -> None:
        """Show no entries for a site whose cache is gone."""
        for kind in ("success", "denial"):
            self._entries.drop(site.server, kind, self._zones, site.view)


class BudgetGauges:
    """The budget of the process."""

    def __init__(self, registry: Registry) -> None:
        self._used: Cell = registry.gauge("coredns_cache_bytes", "Octets that all caches of the process take.").cell()
        self._limit: Cell = registry.gauge(
            "coredns_cache_budget_bytes", "Octets that all caches of the process may take."
        ).cell()

    def show(self, used: int, limit: int) -> None:
        """Set what is taken and what may be."""
        self._used.value, self._limit.value = used, limit
