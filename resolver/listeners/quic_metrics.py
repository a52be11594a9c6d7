"""What is counted of connections over QUIC and of the responses on them."""

from __future__ import annotations

from resolver.listeners.tcp import StreamMetrics
from resolver.telemetry.metrics import Cell, Family, Registry


class QuicMetrics(StreamMetrics):
    """Connections and responses of one listener. ``responses`` has the labels server and status."""

    def __init__(self, registry: Registry, server: str, transport: str, responses: Family, shown: str = "d") -> None:
        super().__init__(registry, server, transport)
        self._server = server
        self._responses = responses
        self._shown = shown
        self._cells: dict[int, Cell] = {}

    def responded(self, status: int) -> None:
        """A query has its answer, or an error in place of it."""
        cell = self._cells.get(status)
        if cell is None:
            cell = self._cells[status] = self._responses.cell(self._server, format(status, self._shown))
        cell.value += 1


def doq_metrics(registry: Registry, server: str) -> QuicMetrics:
    """Responses are counted by error code of DNS over QUIC (RFC 9250 section 8.4)."""
    name, told = "coredns_dns_quic_responses_total", "Responses of DNS over QUIC, by DoQ error code."
    return QuicMetrics(registry, server, "quic", registry.counter(name, told, ("server", "status")), "#x")


def http3_metrics(registry: Registry, server: str) -> QuicMetrics:
    """Responses are counted by status of HTTP."""
    name, told = "coredns_dns_https3_responses_total", "Responses of DNS over HTTP/3, by HTTP status."
    return QuicMetrics(registry, server, "https3", registry.counter(name, told, ("server", "status")))
