"""The event loop to run on: uvloop where it is installed."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any

# A query makes and drops many objects and no cycles; looking for cycles every 700 of them took 4% of the time.
_GC_THRESHOLDS = (50_000, 20, 20)


def run(main: Callable[[], Coroutine[Any, Any, int]]) -> int:
    """Run ``main`` to its end in a new loop; what it returns."""
    gc.set_threshold(*_GC_THRESHOLDS)
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main())


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory
