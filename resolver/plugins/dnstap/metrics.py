"""What became of the messages."""

from __future__ import annotations

from resolver.telemetry.metrics import Cell, Registry


def sent_cell(registry: Registry, endpoint: str) -> Cell:
    """Messages that were given to a collector."""
    text = "Messages of dnstap that were sent."
    cell: Cell = registry.counter("coredns_dnstap_messages_total", text, ("endpoint",)).cell(endpoint)
    return cell


def dropped_cell(registry: Registry, endpoint: str) -> Cell:
    """Messages that were lost."""
    text = "Messages of dnstap that were lost: too many waited, or a connection broke."
    cell: Cell = registry.counter("coredns_dnstap_dropped_total", text, ("endpoint",)).cell(endpoint)
    return cell
