"""Lines among those of the log, on standard output."""

from __future__ import annotations

import asyncio
import os
import select
import sys
from collections import deque
from collections.abc import Callable
from typing import Final

from resolver.plugins.audit.journal import lost_line
from resolver.plugins.audit.metrics import Report
from resolver.plugins.audit.outlet import ENDING

PIECE: Final = 4096  # octets that a pipe takes in one go or not at all (PIPE_BUF of pipe(7))
PAUSE: Final = 0.001  # seconds between two turns of writing to a file
TURN: Final = 64  # pieces that are written before queries have their turn


class Stdout:
    """Writes in the thread of the event loop, as the log does: two threads could not both know that there is room.

    Whole lines go in pieces that a pipe takes in one go; while it is full they wait, at most ``limit`` octets of them.
    """

    def __init__(self, limit: int, report: Report, clock: Callable[[], float], descriptor: int | None = None) -> None:
        self._limit = limit
        self._report = report
        self._clock = clock
        self._given = descriptor
        self._descriptor = -1
        self._poll = select.poll()
        self._waiting: deque[bytes] = deque()
        self._held = 0
        self._unsaid = 0
        self._drained: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_watched = False

    async def start(self) -> None:
        """Find out where standard output is. Raises OSError where there is none."""
        self._descriptor = sys.stdout.fileno() if self._given is None else self._given
        self._poll.register(self._descriptor, select.POLLOUT)
        self._loop = asyncio.get_running_loop()
        self._report.start()

    def put(self, octets: bytes, lines: int, *, more: bool = False) -> None:
        """Write lines, or let them wait, or lose them."""
        if self._loop is None or self._held + len(octets) > self._limit:
            self._lose(lines)
            return
        if self._unsaid:
            octets = lost_line(self._clock, self._unsaid) + octets
            self._unsaid = 0
        self._held += len(octets)
        waiting = self._waiting
        for piece in pieces(octets):
            if waiting and len(waiting[-1]) + len(piece) <= PIECE:
                waiting[-1] += piece
            else:
                waiting.append(piece)
        if not self._is_watched and self._timer is None:
            self._drain()

    async def stop(self) -> None:
        """Write what waits, for a short while."""
        if self._waiting:
            self._drained = asyncio.Event()
            try:
                async with asyncio.timeout(ENDING):
                    await self._drained.wait()
            except TimeoutError:
                pass
        self._rest()
        self._lose_all()
        self._loop = None
        self._report.stop()

    def _drain(self) -> None:
        self._timer = None
        written = 0
        try:
            while self._waiting and written < TURN and self._poll.poll(0):
                self._write()
                written += 1
        except BlockingIOError:
            pass
        except OSError:
            self._lose_all()
        if self._waiting:
            self._go_on()
            return
        self._rest()
        if self._drained is not None:
            self._drained.set()

    def _go_on(self) -> None:
        """Write on when there is room, and queries have had their turn."""
        if self._loop is None or self._is_watched:
            return
        try:
            self._loop.add_writer(self._descriptor, self._drain)
            self._is_watched = True
        except (OSError, ValueError, RuntimeError):  # a file, which has room at any time
            self._timer = self._loop.call_later(PAUSE, self._drain)

    def _rest(self) -> None:
        """Do nothing until there is something to write again."""
        if self._is_watched and self._loop is not None:
            self._loop.remove_writer(self._descriptor)
        self._is_watched = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _write(self) -> None:
        piece = self._waiting[0]
        sent = os.write(self._descriptor, piece)
        self._held -= sent
        self._report.written(piece.count(b"\n", 0, sent))
        if sent == len(piece):
            self._waiting.popleft()
        else:
            self._waiting[0] = piece[sent:]

    def _lose(self, lines: int) -> None:
        self._unsaid += lines
        self._report.lost(lines)

    def _lose_all(self) -> None:
        lines = sum(piece.count(b"\n") for piece in self._waiting)
        self._waiting.clear()
        self._held = 0
        if lines:
            self._lose(lines)


def pieces(octets: bytes) -> list[bytes]:
    """Whole lines, as many at a time as a pipe takes in one go; a line that is longer is a piece of its own."""
    found = []
    at = 0
    while len(octets) - at > PIECE:
        end = octets.rfind(b"\n", at, at + PIECE) + 1
        if not end:
            end = octets.index(b"\n", at) + 1
        found.append(octets[at:end])
        at = end
    if at < len(octets):
        found.append(octets[at:])
    return found
