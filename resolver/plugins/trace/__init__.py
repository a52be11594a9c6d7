"""trace: sends the way of queries through the plugins, with times, to OpenTelemetry collectors or Zipkin."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.trace.handler import Trace
from resolver.plugins.trace.settings import parse

__all__ = ["Trace", "setup"]


def setup(setup: Setup) -> Trace:
    """The plugin. Raises ConfigError or ConfigErrors."""
    return Trace(parse(setup.only), setup.host, setup.block)
