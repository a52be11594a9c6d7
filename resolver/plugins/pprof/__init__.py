"""pprof: profiles of the running server over HTTP, for those who look for where time and memory go."""

from __future__ import annotations

from resolver.chain.setup import Setup
from resolver.plugins.pprof.handler import Pprof
from resolver.plugins.pprof.settings import parse

__all__ = ["Pprof", "setup"]


def setup(setup: Setup) -> Pprof:
    """The directive may stand once per block. Raises ConfigError."""
    return Pprof(parse(setup.only), setup.host)
