"""Lines on their way to their destinations: joined, so that a line costs little."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

TOGETHER: Final = 0.05  # seconds that a line waits for others
MOST: Final = 1024  # lines that are joined


class Destination(Protocol):
    """Takes lines without ever waiting."""

    def put(self, octets: bytes, lines: int) -> None:
        """Take so many whole lines, or count them as lost."""


class Journal:
    """Collects lines and hands them on together.

    ``second`` is the one that began last, in seconds since 1970, and ``head`` how its lines begin. ``waiting`` are
    lines that nobody has yet; who adds to them calls ``wake`` before the first one, and ``flush`` from ``MOST`` on.
    """

    def __init__(self, clock: Callable[[], float], destinations: Sequence[Destination] = ()) -> None:
        self.clock = clock
        self.second = -1
        self.head = ""
        self.waiting: list[str] = []
        self.destinations = tuple(destinations)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self, destinations: Sequence[Destination]) -> None:
        """Belong to the running loop, and hand lines to these from now on."""
        self.destinations = tuple(destinations)
        self._loop = asyncio.get_running_loop()

    def begin(self) -> str:
        """How a line begins now: up to and including its time."""
        now = self.clock()
        if int(now) != self.second:
            self.turn(now)
        return f'{self.head}{int((now - self.second) * 1_000_000):06d}Z"'

    def turn(self, now: float) -> None:
        """Another second has begun."""
        self.second = int(now)
        self.head = '{"time":"' + datetime.fromtimestamp(self.second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")

    def put(self, line: str) -> None:
        """Take one line, its end included."""
        if not self.waiting:
            self.wake()
        self.waiting.append(line)
        if len(self.waiting) >= MOST:
            self.flush()

    def wake(self) -> None:
        """There is about to be a first line: hand it on soon."""
        if self._loop is None or self._loop.is_closed():
            return
        if self._timer is None:
            self._timer = self._loop.call_later(TOGETHER, self.flush)

    def flush(self) -> None:
        """Hand on what waits."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting = self.waiting
        if not waiting:
            return
        octets, lines = "".join(waiting).encode(), len(waiting)
        waiting.clear()
        for destination in self.destinations:
            destination.put(octets, lines)


def lost_line(clock: Callable[[], float], lines: int) -> bytes:
    """The line that stands for so many lost ones."""
    return f'{Journal(clock).begin()},"lost":{lines}}}\n'.encode()
