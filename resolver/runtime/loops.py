"""The event loop to run on: uvloop where it is installed."""

from __future__ import annotations

import asyncio
import gc
import sys
from collections.abc import Callable, Coroutine
from typing import Any

# A query makes and drops many objects and no cycles; looking for cycles every 700 of them took 4% of the time.
_GC_THRESHOLDS = (50_000, 20, 20)

# Seconds that the event loop waits after each system call while a thread reads a configuration or writes out metrics.
# With Python's 5 ms a few hundred queries a second are enough for a queue.
_SWITCH_INTERVAL = 0.0005


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run ``main`` to its end in a new loop; what it returns."""
    gc.set_threshold(*_GC_THRESHOLDS)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main())


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
