"""What is counted about the API."""

from __future__ import annotations

from collections.abc import Callable

from resolver.telemetry.metrics import Cell, HistogramCell, Registry

# The default buckets of the Prometheus client, in seconds, as CoreDNS has them here.
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
EVENTS = ("ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR")
_PREFIX = "coredns_kubernetes_"


class ClientMetrics:
    """Requests to one API server."""

    def __init__(self, registry: Registry, host: str) -> None:
        self._host = host
        self._requests = registry.counter(
            f"{_PREFIX}rest_client_requests_total",
            "Requests to the API, by HTTP status code (<error> without an answer).",
            ("code", "method", "host"),
            limit=1000,
        )
        self._durations = registry.histogram(
            f"{_PREFIX}rest_client_request_duration_seconds",
            "Seconds until the answer of the API began.",
            ("verb", "host"),
            BUCKETS,
            limit=1000,
        )
        self._waits = registry.histogram(
            f"{_PREFIX}rest_client_rate_limiter_duration_seconds",
            "Seconds for which requests to the API were held back.",
            ("verb", "host"),
            BUCKETS,
            limit=1000,
        )

    def requested(self, status: int, seconds: float) -> None:
        """A GET was answered after that time with this status, or not at all (0)."""
        self._requests.cell(str(status) if status else "<error>", "GET", self._host).value += 1
        cell: HistogramCell = self._durations.cell("GET", self._host)
        cell.observe(seconds)

    def held_back(self, seconds: float) -> None:
        """A GET had to wait that long before it was sent."""
        cell: HistogramCell = self._waits.cell("GET", self._host)
        cell.observe(seconds)


class KindMetrics:
    """Objects of one kind. Watches of one kind with different selectors share its cells."""

    def __init__(self, registry: Registry, kind: str) -> None:
        self._kind = kind
        events = registry.counter(
            f"{_PREFIX}watch_events_total", "Events that watches brought.", ("kind", "type"), limit=1000
        )
        self._relists = registry.counter(
            f"{_PREFIX}relists_total", "Lists that were started, by reason.", ("kind", "reason"), limit=1000
        )
        malformed = registry.counter(
            f"{_PREFIX}malformed_objects_total", "Objects that could not be used.", ("kind",), limit=1000
        )
        self.events: dict[str, Cell] = {name: events.cell(kind, name) for name in EVENTS}
        self.malformed: Cell = malformed.cell(kind)

    def listed(self, reason: str) -> None:
        """A list was started for this reason."""
        self._relists.cell(self._kind, reason).value += 1


def show_watches(registry: Registry, look: Callable[[], dict[str, tuple[int, bool]]]) -> Callable[[], None]:
    """Show the number of objects and whether they are complete, by kind, at each reading; returns what ends that."""
    objects = registry.gauge(f"{_PREFIX}objects", "Objects that are known.", ("kind",), merge="max", limit=1000)
    synced = registry.gauge(
        f"{_PREFIX}synced", "1 when the first list of a kind is complete.", ("kind",), merge="min", limit=1000
    )

    def show() -> None:
        seen = look()
        for (kind,) in set(objects.cells) - {(kind,) for kind in seen}:
            objects.drop(kind)
            synced.drop(kind)
        for kind, (count, complete) in seen.items():
            objects.cell(kind).value = count
            synced.cell(kind).value = int(complete)

    return registry.before_read(show)
