"""What waits for one destination, and the thread that brings it there: whatever the destination does, queries go on."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple, Protocol

from resolver.errors import ResolverError
from resolver.plugins.audit.journal import lost_line
from resolver.plugins.audit.metrics import Report

FIRST_PAUSE, LONGEST_PAUSE = 0.2, 5.0  # seconds between two tries
TOGETHER: Final = 4 << 20  # octets that are brought away at once: each time the thread has to wait for its turn
ENOUGH: Final = 2 << 20  # octets that are brought away though more are about to come
TURN: Final = 0.00005  # seconds that the thread is given to begin
MOST_TURNS: Final = 20  # for what is brought away at once, while less than half of the queue is full
ENDING: Final = 3.0  # seconds to bring away what waits when the server ends


class Undeliverable(ResolverError):
    """Lines that were not taken and never will be."""


class Batch(NamedTuple):
    """So many whole lines, none of them in two pieces."""

    pieces: tuple[bytes, ...]
    lines: int

    @property
    def octets(self) -> bytes:
        """All pieces in one."""
        return b"".join(self.pieces)


class Sink(Protocol):
    """Where lines go; used by one thread at a time."""

    @property
    def patience(self) -> float | None:
        """Seconds for which the same lines are tried again, None for ever."""

    def open(self) -> None:
        """Look whether it can be. Raises OSError where the configuration is to blame."""

    def write(self, batch: Batch) -> int:
        """Take all of the batch or nothing of it; how many of its lines were refused.

        Raises OSError where another try may help, and Undeliverable.
        """

    def close(self) -> None:
        """Nothing more will come."""


class Outlet:
    """A queue of at most ``limit`` octets in front of a sink.

    What finds no room in it is counted, and told of in the stream.
    """

    def __init__(self, sink: Sink, limit: int, report: Report, clock: Callable[[], float]) -> None:
        self.sink = sink
        self._limit = limit
        self._report = report
        self._clock = clock
        self._enough = min(limit // 4, ENOUGH)
        self._waiting: deque[tuple[bytes, int]] = deque()
        self._held = 0
        self._unsaid = 0
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._hurry = threading.Event()
        self._turns = 0  # that the thread may still be given
        self._closed = False
        self._failing = False
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="audit", daemon=True)

    async def start(self) -> None:
        """Open the sink. Raises OSError."""
        self._loop = asyncio.get_running_loop()
        self._report.start()
        await asyncio.to_thread(self.sink.open)
        self._thread.start()

    def put(self, octets: bytes, lines: int, *, more: bool = False) -> None:
        """Take lines, or lose them; ``more`` are about to come, so that these may wait for them."""
        if not octets:
            self._wake.set()
            return
        with self._lock:
            if self._closed or self._held + len(octets) > self._limit:
                self._unsaid += lines
                taken = False
            else:
                if self._unsaid:
                    octets = lost_line(self._clock, self._unsaid) + octets
                    self._unsaid = 0
                self._waiting.append((octets, lines))
                self._held += len(octets)
                taken = True
        if not taken:
            self._report.lost(lines)
            return
        if (not more or self._held >= self._enough) and not self._wake.is_set():
            self._turns = MOST_TURNS
            self._wake.set()
        elif more and (self._turns > 0 or self._held >= self._limit // 2):
            self._give_turn()

    def _give_turn(self) -> None:
        """Let the thread go on.

        A loop that is never idle lets go of the interpreter for system calls only, which are over before another thread
        is awake: that would wake up in vain each time, for tens of milliseconds, and no line would be written. Queries
        wait some tenth of a millisecond, MOST_TURNS times for what the thread was woken for, oftener only while half of
        the queue is full.
        """
        self._turns -= 1
        time.sleep(TURN)

    async def stop(self) -> None:
        """Bring away what waits, for a short while, and close."""
        with self._lock:
            self._closed = True
        self._ending.set()
        self._wake.set()
        try:
            async with asyncio.timeout(ENDING):
                await self._ended.wait()
        except TimeoutError:
            self._hurry.set()
        self._give_up()
        self._report.stop()

    def _give_up(self) -> None:
        """What could not be brought away is lost."""
        with self._lock:
            lines = sum(lines for _, lines in self._waiting)
            self._waiting.clear()
            self._held = 0
        if lines:
            self._report.lost(lines)

    # --- in the thread

    def _run(self) -> None:
        while True:
            self._wake.wait()
            self._wake.clear()
            while not self._hurry.is_set() and (batch := self._next()):
                self._bring(batch)
            self._turns = 0
            if self._ending.is_set() and (self._hurry.is_set() or not self._waiting):
                break
        self._say_last()
        self.sink.close()
        self._tell_end()

    def _next(self) -> Batch | None:
        """What is at the front; it counts as waiting until it is done."""
        found: list[bytes] = []
        octets = all_lines = 0
        with self._lock:
            for piece, lines in self._waiting:
                octets += len(piece)
                if found and octets > TOGETHER:
                    break
                found.append(piece)
                all_lines += lines
        return Batch(tuple(found), all_lines) if found else None

    def _bring(self, batch: Batch) -> None:
        """Try until the sink has taken the batch, or it is given up."""
        pause, spent = FIRST_PAUSE, 0.0
        patience = self.sink.patience
        while (lost := self._try(batch)) is None:
            if self._ending.is_set() or (patience is not None and spent >= patience):
                lost = batch.lines
                break
            self._ending.wait(pause)
            spent += pause
            pause = min(pause * 2, LONGEST_PAUSE)
        self._done(batch, lost)

    def _try(self, batch: Batch) -> int | None:
        """How many lines of the batch are lost for good, None where another try may help."""
        try:
            refused = self.sink.write(batch)
        except OSError as error:
            self._fail(words_of(error))
            return None
        except Undeliverable as error:
            self._fail(str(error))
            return batch.lines
        except Exception as error:  # whatever it is, the thread goes on
            self._fail(f"{type(error).__name__}: {error}")
            return batch.lines
        self._recover()
        return refused

    def _done(self, batch: Batch, lost: int) -> None:
        with self._lock:
            if not self._waiting or self._waiting[0][0] is not batch.pieces[0]:
                return  # it was given up meanwhile
            for piece in batch.pieces:
                self._waiting.popleft()
                self._held -= len(piece)
            self._unsaid += lost
        if lost:
            self._report.lost_soon(lost)
        if batch.lines > lost:
            self._report.written_soon(batch.lines - lost)

    def _fail(self, problem: str) -> None:
        if not self._failing:
            self._failing = True
            self._report.problem_soon(problem)

    def _recover(self) -> None:
        if self._failing:
            self._failing = False
            self._report.problem_soon("")

    def _tell_end(self) -> None:
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._ended.set)
        except RuntimeError:
            return  # the loop has ended, and with it who waited

    def _say_last(self) -> None:
        """What was lost and not followed by any line yet."""
        with self._lock:
            lines, self._unsaid = self._unsaid, 0
        if lines:
            try:
                self.sink.write(Batch((lost_line(self._clock, lines),), 0))
            except Exception:  # they are counted, and in the log
                return


def words_of(error: OSError) -> str:
    """What an operator should read of an error of the system."""
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return (error.strerror or str(error) or type(error).__name__).lower()
