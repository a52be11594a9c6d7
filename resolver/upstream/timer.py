"""One timer for many deadlines."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from math import inf


class Alarm:
    """Calls ``sweep(now)`` when the earliest time that was asked for has come.

    ``sweep`` deals with what is due and returns when it wants to be called again, infinity for not at all.
    ``next`` may be compared in front of ``at`` where a call counts. Times are of ``clock``, in seconds.
    """

    __slots__ = ("_clock", "_handle", "_loop", "_sweep", "next")

    def __init__(self, loop: AbstractEventLoop, clock: Callable[[], float], sweep: Callable[[float], float]) -> None:
        self._loop = loop
        self._clock = clock
        self._sweep = sweep
        self._handle: TimerHandle | None = None
        self.next = inf

    def at(self, time: float) -> None:
        """See to it that ``sweep`` is called at ``time`` or soon after."""
        if time >= self.next:
            return
        if self._handle is not None:
            self._handle.cancel()
        self.next = time
        # A timer may come early by the resolution of the loop's clock, which would find nothing due.
        self._handle = self._loop.call_later(max(time - self._clock(), 0) + 0.002, self._ring)

    def stop(self) -> None:
        """Forget what was asked for."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self.next = inf

    def _ring(self) -> None:
        self._handle = None
        self.next = inf
        self.at(self._sweep(self._clock()))
