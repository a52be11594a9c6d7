"""What became of configurations: which one is in service, how many were refused."""

from __future__ import annotations

from resolver.telemetry.metrics import Registry


class Reloads:
    """Told by the runtime about each configuration that it tried."""

    def __init__(self, registry: Registry) -> None:
        self._failed = registry.counter(
            "coredns_reload_failed_total", "Configurations that could not take over."
        ).cell()
        self._version = registry.gauge(
            "coredns_reload_version_info",
            "Always 1; value is the hash of the configuration.",
            ("hash", "value"),
            merge="max",
        )
        self._digest = ""

    def loaded(self, digest: str) -> None:
        """The configuration with this SHA-512 in hexadecimal is in service."""
        if digest != self._digest:
            self._version.drop("sha512", self._digest)
            self._digest = digest
            self._version.cell("sha512", digest).value = 1

    def failed(self) -> None:
        """A configuration was refused, and the former one goes on."""
        self._failed.value += 1
