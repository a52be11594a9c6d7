"""The node-local mode's own metrics, on an address of their own as NodeLocal DNSCache has it."""

from __future__ import annotations

from typing import Final

from resolver import __version__
from resolver.chain.capabilities import HttpAnswer, HttpEndpoint, HttpRequest
from resolver.errors import ResolverError
from resolver.listeners.http import HttpServers
from resolver.telemetry.exposition import render
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry
from resolver.telemetry.process import watch_process
from resolver.telemetry.snapshot import snapshot

ERROR_TYPES: Final = ("iptables", "iptables_lock", "nftables", "interface_add", "interface_check", "configmap")


class NodeMetrics:
    """What went wrong by kind, and whether the rules are in place."""

    def __init__(self) -> None:
        self.registry = Registry()
        watch_process(self.registry, __version__)
        errors = self.registry.counter(
            "coredns_nodecache_setup_errors_total",
            "Failures of setting up link, rules or configuration of the node-local mode.",
            ("errortype",),
        )
        self.errors = {kind: errors.cell(kind) for kind in ERROR_TYPES}
        self.rules = self.registry.gauge(
            "coredns_nodecache_rules_installed",
            "1 while the rules that lead DNS past connection tracking are in place.",
        ).cell()
        self.fallbacks = self.registry.counter(
            "coredns_nodecache_fallbacks_total",
            "How often the rules were taken away because the local addresses did not answer.",
        ).cell()

    def failed(self, kind: str) -> None:
        """Count a failure of one of ERROR_TYPES."""
        self.errors[kind].value += 1


class MetricsServer:
    """Serves the metrics; an address that cannot be opened is said and does not stop DNS."""

    def __init__(self, metrics: NodeMetrics, address: tuple[str, int], log: Log) -> None:
        self._metrics = metrics
        self._address = address
        self._log = log
        self._http = HttpServers(log)

    async def start(self) -> None:
        """Open the address."""
        try:
            await self._http.apply([HttpEndpoint(*self._address, "/metrics", self._answer)])
        except ResolverError as error:
            self._log.error(f"no metrics of the node-local mode: {error}")

    async def stop(self) -> None:
        """Close it."""
        await self._http.stop()

    async def _answer(self, request: HttpRequest) -> HttpAnswer:
        media_type, body = render(snapshot(self._metrics.registry), request.accept)
        return HttpAnswer(200, media_type, body)
