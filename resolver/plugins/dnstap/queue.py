"""What waits to be sent, and the count of what could not wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from resolver.telemetry.log import Log
from resolver.telemetry.metrics import Cell

FLUSH: Final = 0.1  # seconds that the first of several frames waits for others to come
TOLD: Final = 10.0  # seconds between two lines about losses


class Queue:
    """Frames in order, at most so many and so many octets; one that has no room is lost and ``lost`` is told."""

    def __init__(self, messages: int, octets: int, lost: Callable[[int], None]) -> None:
        self.frames: deque[bytes] = deque()
        self.lost = lost
        self.closed = False
        self._messages = messages
        self._octets = octets
        self._urgent = max(messages // 8, 2)
        self._used = 0
        self._waiting: asyncio.Future[None] | None = None

    def put(self, frame: bytes) -> None:
        """Take a frame in, or lose it."""
        if len(self.frames) >= self._messages or self._used + len(frame) > self._octets:
            self.lost(1)
            return
        self.frames.append(frame)
        self._used += len(frame)
        waiting = self._waiting
        if waiting is None:
            return
        if len(self.frames) >= self._urgent:
            self._waiting = None
            _wake(waiting)
        elif len(self.frames) == 1:
            waiting.get_loop().call_later(FLUSH, _wake, waiting)

    def close(self) -> None:
        """Nothing more will come; whoever waits is told."""
        self.closed = True
        if self._waiting is not None:
            _wake(self._waiting)
            self._waiting = None

    def wait(self) -> asyncio.Future[None]:
        """Is done when there is something to take, or nothing will come any more."""
        waiting = asyncio.get_running_loop().create_future()
        if self.frames or self.closed:
            waiting.set_result(None)
        else:
            self._waiting = waiting
        return waiting

    def take(self, octets: int) -> list[bytes]:
        """The frames at the front, about so many octets of them."""
        taken: list[bytes] = []
        frames = self.frames
        while frames and octets > 0:
            octets -= len(frames[0])
            self._used -= len(frames[0])
            taken.append(frames.popleft())
        return taken


class Losses:
    """Counts what was lost, and says so now and then."""

    def __init__(self, endpoint: str, log: Log, cell: Cell) -> None:
        self._endpoint = endpoint
        self._log = log
        self._cell = cell
        self._unsaid = 0
        self._timer: asyncio.TimerHandle | None = None

    def add(self, count: int) -> None:
        """So many were lost."""
        self._cell.value += count
        self._unsaid += count
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(TOLD, self.tell)

    def tell(self) -> None:
        """Say what was lost since the last time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._unsaid:
            self._log.warning(f"{self._unsaid} messages for {self._endpoint} were dropped", dropped=self._unsaid)
            self._unsaid = 0


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
