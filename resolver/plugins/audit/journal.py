"""Lines on their way to their destinations: joined, so that a line costs little."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol

TOGETHER: Final = 0.05  # seconds that a line waits for others
MOST: Final = 128  # lines that are joined: more take memory that is not at hand, which costs as much as the lines do
MOMENT: Final = 0.0001  # seconds for which replays have the same time


class Destination(Protocol):
    """Takes lines without ever waiting."""

    def put(self, octets: bytes, lines: int, *, more: bool = False) -> None:
        """Take so many whole lines, or count them as lost; where ``more`` are about to come these may wait for them."""


class Journal:
    """Collects lines and hands them on together.

    ``stamp`` is how lines begin that are written from ``since`` until ``until``, in seconds since 1970: up to and
    including their time. ``waiting`` are lines that nobody has yet; who adds to them calls ``wake`` before the first
    one, and ``flush`` from ``MOST`` on.
    """

    __slots__ = (
        "_handed_on", "_head", "_loop", "_second", "_timer", "clock", "destinations", "since", "stamp", "until",
        "waiting",
    )  # fmt: skip

    def __init__(self, clock: Callable[[], float], destinations: Sequence[Destination] = ()) -> None:
        self.clock = clock
        self.stamp = ""
        self.since = self.until = 0.0
        self.waiting: list[str] = []
        self.destinations = tuple(destinations)
        self._second = -1
        self._head = ""
        self._handed_on = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self, destinations: Sequence[Destination]) -> None:
        """Belong to the running loop, and hand lines to these from now on."""
        self.destinations = tuple(destinations)
        self._loop = asyncio.get_running_loop()

    def begin(self) -> str:
        """How a line begins now, to the microsecond."""
        self.turn(self.clock())
        return self.stamp

    def turn(self, now: float) -> None:
        """Another moment has begun, of those that lines tell apart."""
        if int(now) != self._second:
            self._second = int(now)
            self._head = '{"time":"' + datetime.fromtimestamp(self._second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        self.since, self.until = now, min(now + MOMENT, self._second + 1.0)
        self.stamp = f'{self._head}{int((now - self._second) * 1_000_000):06d}Z"'

    def put(self, line: str) -> None:
        """Take one line, its end included."""
        if not self.waiting:
            self.wake()
        self.waiting.append(line)
        if len(self.waiting) >= MOST:
            self.flush()

    def wake(self) -> None:
        """There is about to be a first line: hand it on soon."""
        if self._timer is None and self._loop is not None and not self._loop.is_closed():
            self._timer = self._loop.call_later(TOGETHER, self.finish)

    def flush(self) -> None:
        """Hand on what waits; more is about to come."""
        octets, lines = "".join(self.waiting).encode(), len(self.waiting)
        self.waiting.clear()
        more = self._handed_on = self._timer is not None
        for destination in self.destinations:
            destination.put(octets, lines, more=more)

    def finish(self) -> None:
        """Hand on what waits, and let what was handed on wait no longer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.waiting or self._handed_on:
            self.flush()


def lost_line(clock: Callable[[], float], lines: int) -> bytes:
    """The line that stands for so many lost ones."""
    return f'{Journal(clock).begin()},"lost":{lines}}}\n'.encode()
