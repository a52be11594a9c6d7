"""Where memory is: what was allocated in a span of time and is still held, and how many objects of which type are."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Final

from resolver.errors import ResolverError
from resolver.telemetry.profile import Kind, Place, Profile

HEAP: Final = (Kind("inuse_objects", "count"), Kind("inuse_space", "bytes"))
_DEEPEST: Final = 16  # calls of a stack; each takes memory for every object that is followed
_TYPES: Final = 60


async def allocations(seconds: float) -> Profile:
    """What is allocated from now on and still held after so many seconds, by stack.

    Following allocations makes everything about three times slower meanwhile. Raises ResolverError when that is
    being done already.
    """
    if tracemalloc.is_tracing():
        raise ResolverError("allocations are being followed already")
    began = time.time_ns()
    tracemalloc.start(_DEEPEST)
    try:
        await asyncio.sleep(seconds)
        snapshot = await asyncio.to_thread(tracemalloc.take_snapshot)
    finally:
        tracemalloc.stop()
    return await asyncio.to_thread(_by_stack, snapshot, began)


def objects() -> str:
    """Memory of the process, and the types with the most objects that the garbage collector knows."""
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for one in gc.get_objects():
        kind = f"{type(one).__module__}.{type(one).__qualname__}"
        counts[kind] += 1
        sizes[kind] += sys.getsizeof(one)
    lines = [
        f"resident memory: {_resident()} kB",
        f"garbage collector: {gc.get_count()} of {gc.get_threshold()}, frozen {gc.get_freeze_count()}",
        f"objects: {counts.total()}",
        "",
        f"{'objects':>10} {'bytes':>12}  type (without what its objects refer to)",
    ]
    lines += [f"{count:>10} {sizes[kind]:>12}  {kind}" for kind, count in counts.most_common(_TYPES)]
    return "\n".join(lines) + "\n"


def _by_stack(snapshot: tracemalloc.Snapshot, began: int) -> Profile:
    profile = Profile(HEAP, began=began, duration=time.time_ns() - began)
    for found in snapshot.statistics("traceback"):
        frames = [Place(f"{Path(one.filename).name}:{one.lineno}", one.filename, one.lineno) for one in found.traceback]
        profile.add(tuple(reversed(frames)), (found.count, found.size))
    return profile


def _resident() -> str:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return "?"
    return next((line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")), "?")
