"""Where the processor's time goes: the stack of the main thread, looked at so often per second of processor time."""

from __future__ import annotations

import asyncio
import signal
import time
from types import CodeType, FrameType
from typing import Final

from resolver.errors import ResolverError
from resolver.telemetry.profile import Kind, Place, Profile, Stack

RATE: Final = 100  # looks per second of processor time
DEEPEST: Final = 128  # calls of a stack that are told
CPU: Final = (Kind("samples", "count"), Kind("cpu", "nanoseconds"))


class Sampler:
    """Uses the timer of processor time (ITIMER_PROF) and its signal, so that an idle process is not looked at.

    There is one such timer in a process, so one sampler at a time may run, and only in the main thread.
    """

    def __init__(self) -> None:
        self.profile = Profile(CPU, period=10**9 // RATE)
        self._used = 0
        self._places: dict[tuple[CodeType, int], Place] = {}

    async def run(self, seconds: float) -> Profile:
        """The profile of the next seconds. Raises ResolverError when another one is under way."""
        if signal.getitimer(signal.ITIMER_PROF)[0]:
            raise ResolverError("another profile is under way")
        began = time.perf_counter_ns()
        self.profile.began = time.time_ns()
        self._used = time.process_time_ns()
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, 1 / RATE, 1 / RATE)
        try:
            await asyncio.sleep(seconds)
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, signal.SIG_IGN)  # one that is still on its way must not end the process
        self.profile.duration = time.perf_counter_ns() - began
        return self.profile

    def _look(self, _: int, frame: FrameType | None) -> None:
        used = time.process_time_ns()
        self.profile.add(self._stack(frame), (1, used - self._used))
        self._used = used

    def _stack(self, frame: FrameType | None) -> Stack:
        places: list[Place] = []
        known = self._places
        while frame is not None and len(places) < DEEPEST:
            key = frame.f_code, frame.f_lineno
            place = known.get(key)
            if place is None:
                place = known[key] = place_of(*key)
            places.append(place)
            frame = frame.f_back
        return tuple(places)


def place_of(code: CodeType, line: int | None) -> Place:
    """A line of a function, by the names in the source."""
    return Place(code.co_qualname, code.co_filename, line or code.co_firstlineno, code.co_firstlineno)
