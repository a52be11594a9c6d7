"""What ``forward`` counts, under the names of CoreDNS: the present ``coredns_proxy_*`` and the former ``coredns_forward_*``."""  # noqa: E501

from __future__ import annotations

from dataclasses import replace
from typing import Final

from resolver.telemetry.metrics import HistogramCell, Registry
from resolver.upstream.address import Address
from resolver.upstream.upstream import Counts
from resolver.wire.constants import rcode_name

NAME: Final = "forward"
_PROTOCOLS: Final = {"dns": "tcp", "tls": "tcp-tls"}
MAX_REMEMBERED: Final = 65_536  # cells that are found without a look at their labels


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
        self._unproven = registry.counter(
            "coredns_forward_unproven_answers_total",
            "Answers over UDP that were not used for lack of the right spelling or cookie.",
            ("to",),
        )
        self._hits = registry.counter(
            "coredns_proxy_conn_cache_hits_total", "Exchanges over a socket that was open.", (*proxy, "proto")
        )
        self._misses = registry.counter(
            "coredns_proxy_conn_cache_misses_total", "Exchanges that opened a socket.", (*proxy, "proto")
        )
        self._failures = registry.counter(
            "coredns_proxy_conn_failures_total", "Connections that brought no answer.", (*proxy, "proto")
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
            cell = self._remember(to, rcode)
        cell.observe(seconds)

    def counts(self, address: Address) -> Counts:
        """The cells that an upstream counts into by itself."""
        to = str(address)
        stream = _PROTOCOLS.get(address.scheme, address.scheme)
        counts = Counts(
            stream_hits=self._hits.cell(NAME, to, stream),
            stream_misses=self._misses.cell(NAME, to, stream),
            stream_failures=self._failures.cell(NAME, to, stream),
            failed_checks=self._failed_checks.cell(NAME, to),
        )
        if address.encrypted:
            return counts
        return replace(
            counts,
            udp_hits=self._hits.cell(NAME, to, "udp"),
            udp_misses=self._misses.cell(NAME, to, "udp"),
            unproven=self._unproven.cell(to),
        )

    def refresh_old(self) -> None:
        """Fill the former families, which say nothing that the present ones do not."""
        totals: dict[str, int] = {}
        for (_, to, rcode), cell in self._durations.cells.items():
            count = sum(cell.counts)
            totals[to] = totals.get(to, 0) + count
            self._old_responses.cell(to, rcode).value = count
            self._old_durations.cells[to, rcode] = cell
        for to, total in totals.items():
            self._old_requests.cell(to).value = total
        for (_, to), cell in self._failed_checks.cells.items():
            self._old_failed_checks.cells[to,] = cell

    def _remember(self, to: str, rcode: int) -> HistogramCell:
        if len(self._by_upstream) >= MAX_REMEMBERED:
            self._by_upstream.clear()
        cell: HistogramCell = self._durations.cell(NAME, to, rcode_name(rcode))
        self._by_upstream[to, rcode] = cell
        return cell
