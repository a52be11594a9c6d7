"""prometheus: counts the requests and responses of its server block and serves all metrics at /metrics."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.prometheus.handler import Prometheus
from resolver.plugins.prometheus.settings import parse

__all__ = ["Prometheus", "setup"]


def setup(setup: Setup) -> Prometheus:
    """The directive may stand once per block. Raises ConfigError, also for a certificate that cannot be used."""
    return Prometheus(parse(setup.only, setup.block.root), setup.block, setup.host)
