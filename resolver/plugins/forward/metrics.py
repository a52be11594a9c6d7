"""What ``forward`` counts, under the names of CoreDNS: the present ``coredns_proxy_*`` and the former ``coredns_forward_*``."""  # noqa: E501

from __future__ import annotations

from resolver.telemetry.metrics import HistogramCell, Registry
from resolver.upstream.address import Address
from resolver.upstream.upstream import Counts
from resolver.wire.constants import rcode_name

NAME = "forward"


class Metrics:
    """The families, and the cells of each upstream."""

    def __init__(self, registry: Registry) -> None:
        proxy = ("proxy_name", "to")
        self.broken = registry.counter(
            "coredns_forward_healthcheck_broken_total", "Queries that found all upstreams unhealthy."
        ).cell()
        self.rejected = registry.counter(
            "coredns_forward_max_concurrent_rejects_total", "Queries refused because max_concurrent was reached."
        ).cell()
        self.coalesced = registry.counter(
            "coredns_forward_coalesced_total", "Queries answered by the exchange of an identical query in flight."
        ).cell()
        self._durations = registry.histogram(
            "coredns_proxy_request_duration_seconds", "Time until the upstream answered.", (*proxy, "rcode")
        )
        self._failed_checks = registry.counter(
            "coredns_proxy_healthcheck_failures_total", "Failed health checks.", proxy
        )
        self._hits = registry.counter(
            "coredns_proxy_conn_cache_hits_total", "Exchanges over a socket that was open.", (*proxy, "proto")
        )
        self._misses = registry.counter(
            "coredns_proxy_conn_cache_misses_total", "Exchanges that opened a socket.", (*proxy, "proto")
        )
        self._old_requests = registry.counter("coredns_forward_requests_total", "Answers (deprecated).", ("to",))
        self._old_responses = registry.counter(
            "coredns_forward_responses_total", "Answers by response code (deprecated).", ("to", "rcode")
        )
        self._old_durations = registry.histogram(
            "coredns_forward_request_duration_seconds", "Time until the answer (deprecated).", ("to", "rcode")
        )
        self._old_failed_checks = registry.counter(
            "coredns_forward_healthcheck_failures_total", "Failed health checks (deprecated).", ("to",)
        )
        self._by_upstream: dict[tuple[str, int], HistogramCell] = {}

    def answered(self, to: str, rcode: int, seconds: float) -> None:
        """Count an answer."""
        cell = self._by_upstream.get((to, rcode))
        if cell is None:
            cell = self._by_upstream[to, rcode] = self._duration_cell(to, rcode_name(rcode))
        cell.observe(seconds)

    def counts(self, address: Address) -> Counts:
        """The cells that an upstream counts into by itself."""
        to = str(address)
        stream = "tcp-tls" if address.scheme == "tls" else "tcp"
        failed_checks = self._failed_checks.cell(NAME, to)
        self._old_failed_checks.cells[to,] = failed_checks
        return Counts(
            self._hits.cell(NAME, to, "udp"),
            self._misses.cell(NAME, to, "udp"),
            self._hits.cell(NAME, to, stream),
            self._misses.cell(NAME, to, stream),
            failed_checks,
        )

    def refresh_old(self) -> None:
        """Work out the former counters, which say nothing that the histogram does not."""
        totals: dict[str, int] = {}
        for (_, to, rcode), cell in self._durations.cells.items():
            count = sum(cell.counts)
            totals[to] = totals.get(to, 0) + count
            self._old_responses.cell(to, rcode).value = count
        for to, total in totals.items():
            self._old_requests.cell(to).value = total

    def _duration_cell(self, to: str, rcode: str) -> HistogramCell:
        """One cell for both names of the histogram."""
        cell: HistogramCell = self._durations.cell(NAME, to, rcode)
        self._old_durations.cells[to, rcode] = cell
        return cell
