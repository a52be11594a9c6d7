"""What the garbage collector has to look at: only what came after the configuration in service."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Look for no garbage meanwhile: what a configuration is made into stays, however often it is looked through."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class Settling:
    """Lets the collector pass over what stays: the configuration in service.

    To look at everything takes a second for some three million objects, and holds up all queries. Most of an earlier
    configuration is freed without it, so a large one is looked through only when enough is left behind.
    """

    FEW = 100_000  # objects, which take some 30 ms
    MUCH = 1000  # parts left behind

    def __init__(self) -> None:
        self._left = 0

    def settle(self, left: int) -> None:
        """A configuration is in service, and so many parts of earlier ones were not freed by themselves."""
        self._left += left
        gc.freeze()
        if self._left > self.MUCH or gc.get_freeze_count() <= self.FEW:
            self._left = 0
            gc.unfreeze()  # or what was set aside once would stay for ever
            gc.collect()
            gc.freeze()
