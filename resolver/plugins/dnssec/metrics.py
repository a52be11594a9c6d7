"""Figures of the signatures that are kept, with the names and labels of CoreDNS."""

from __future__ import annotations

from resolver.telemetry.metrics import Cell, Registry


class Meters:
    """The counters of one server. ``found`` is what a replayed answer counts for each of its record sets."""

    __slots__ = ("entries", "found", "hits", "misses", "rejects")

    def __init__(self, registry: Registry, server: str) -> None:
        entries = registry.gauge(
            "coredns_dnssec_cache_entries", "Record sets whose signatures are kept.", ("server", "type")
        )
        hits = registry.counter("coredns_dnssec_cache_hits_total", "Signatures that were kept.", ("server",))
        misses = registry.counter("coredns_dnssec_cache_misses_total", "Signatures that had to be made.", ("server",))
        rejects = registry.counter(
            "coredns_dnssec_signing_rejects_total", "Answers that failed as too many signatures waited.", ("server",)
        )
        self.entries: Cell = entries.cell(server, "signature")
        self.hits: Cell = hits.cell(server)
        self.misses: Cell = misses.cell(server)
        self.rejects: Cell = rejects.cell(server)
        self.found = self.hits.add
