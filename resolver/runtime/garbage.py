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


def settle() -> None:
    """Free what an earlier configuration left behind, and let the collector pass over what stays.

    Without the thaw a configuration that was set aside once would stay for ever after it is replaced.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
