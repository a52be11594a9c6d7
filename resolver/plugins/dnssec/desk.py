"""Where signing is done: at once while that is little, then in turns, and not at all when too much waits.

A signature takes between twenty microseconds and some milliseconds, and anybody can ask for names that nobody has asked
for. So quick keys sign for a few milliseconds in each turn of the loop, slow ones in a thread (the library lets others
run meanwhile), and only so many signatures wait.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias

from resolver.errors import SigningError
from resolver.plugins.dnssec.kept import Signed

Work: TypeAlias = Callable[[], Signed]
SLICE: Final = 0.002
MOST_QUICK: Final = 1000
MOST_SLOW: Final = 200


class Desk:
    """Does the work of one plugin. ``slow`` work goes to a thread; ``timer`` is in seconds."""

    def __init__(self, *, slow: bool, timer: Callable[[], float] = time.perf_counter) -> None:
        self._slow = slow
        self._timer = timer
        self._spent = 0.0
        self._turn_is_due = False
        self._queue: deque[tuple[Work, asyncio.Future[Signed]]] = deque()
        self._busy = 0
        self._thread: ThreadPoolExecutor | None = None

    @property
    def waiting(self) -> int:
        """How many signatures are asked for and not made yet."""
        return self._busy + len(self._queue)

    def do(self, work: Work) -> Signed | asyncio.Future[Signed]:
        """The result, or a future of it. Raises SigningError when too much waits already."""
        loop = asyncio.get_running_loop()
        if self._slow:
            return self._hand_over(work, loop)
        if not self._queue and self._spent < SLICE:
            return self._do_now(work, loop)
        if len(self._queue) >= MOST_QUICK:
            raise SigningError("too many answers wait for their signatures")
        future: asyncio.Future[Signed] = loop.create_future()
        self._queue.append((work, future))
        return future

    def close(self) -> None:
        """Whoever waits still is told that nothing comes."""
        while self._queue:
            _, future = self._queue.popleft()
            if not future.done():
                future.set_exception(SigningError("the server stops"))
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None

    def _do_now(self, work: Work, loop: asyncio.AbstractEventLoop) -> Signed:
        before = self._timer()
        try:
            return work()
        finally:
            self._spent += self._timer() - before
            if not self._turn_is_due:
                self._turn_is_due = True
                loop.call_soon(self._turn, loop)

    def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """A new turn of the loop: a new slice of its time."""
        self._turn_is_due = False
        self._spent = 0.0
        while self._queue and self._spent < SLICE:
            work, future = self._queue.popleft()
            if future.done():  # nobody waits for it any more
                continue
            try:
                signed = self._do_now(work, loop)
            except Exception as error:
                future.set_exception(error)
            else:
                future.set_result(signed)

    def _hand_over(self, work: Work, loop: asyncio.AbstractEventLoop) -> asyncio.Future[Signed]:
        if self._busy >= MOST_SLOW:
            raise SigningError("too many answers wait for their signatures")
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, "dnssec")
        self._busy += 1
        future = loop.run_in_executor(self._thread, work)
        future.add_done_callback(self._done)
        return future

    def _done(self, _: asyncio.Future[Signed]) -> None:
        self._busy -= 1
