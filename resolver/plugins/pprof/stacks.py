"""What every task and every thread is doing now."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections import Counter
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

MOST_GROUPS: Final = 500


def dump() -> str:
    """Threads with their stacks, then tasks; those at the same place stand together with their number."""
    threads = list(_threads())
    tasks = Counter(_task(task) for task in asyncio.all_tasks())
    lines = [f"threads: {len(threads)}", "", *threads, f"tasks: {tasks.total()}", ""]
    for text, count in tasks.most_common(MOST_GROUPS):
        lines += [f"{count} @", text]
    return "\n".join(lines) + "\n"


def _threads() -> Iterator[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        yield f"thread {names.get(ident, ident)}\n{_stack(frame)}"


def _stack(frame: FrameType) -> str:
    return "".join(traceback.format_stack(frame))


def _task(task: asyncio.Task[Any]) -> str:
    """The coroutines of a task, each with the line at which it waits for the next one."""
    lines = []
    coroutine: Any = task.get_coro()
    while coroutine is not None and hasattr(coroutine, "cr_frame"):
        frame = coroutine.cr_frame
        line = frame.f_lineno if frame else 0
        lines.append(f"  {coroutine.__qualname__} ({coroutine.cr_code.co_filename}:{line})\n")
        coroutine = coroutine.cr_await
    if coroutine is not None:
        lines.append(f"  waits for {type(coroutine).__name__}\n")
    return "".join(lines)
