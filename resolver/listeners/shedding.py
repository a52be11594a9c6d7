"""What a UDP listener does about more queries than it can answer: it drops them at once, and says how many."""

from __future__ import annotations

from resolver.telemetry.metrics import Cell, Registry


class Shedding:
    """``congested`` is set while the kernel has no room for answers; each of the cells counts what was dropped."""

    __slots__ = ("congested", "queries", "responses")

    def __init__(self, registry: Registry, server: str) -> None:
        dropped = registry.counter(
            "coredns_shed_dropped_total",
            "Queries and answers that were dropped for want of room.",
            ("server", "reason"),
        )
        self.queries: Cell = dropped.cell(server, "query")
        self.responses: Cell = dropped.cell(server, "response")
        self.congested = False

    def drop(self, packet: bytes, slot: int = 0) -> bytes:
        """A query is not worked on, since there is no room for its answer: the answer is none."""
        self.queries.value += 1
        return b""
