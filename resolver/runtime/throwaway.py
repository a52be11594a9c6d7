"""A host for parts that are made only to be looked at."""

from __future__ import annotations

import time

from resolver.chain.setup import Host
from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Registry


def throwaway_host(log: Log | None = None) -> Host:
    """A host whose metrics nobody reads and whose parts cannot end the process."""
    return Host(clock=time.monotonic, registry=Registry(), log=log or Log(level="FATAL"))
