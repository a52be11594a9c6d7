"""Addresses on their way into the sets: all that wait are one batch, and what is in for long enough costs nothing."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter
from typing import Final

from resolver.errors import ResolverError
from resolver.plugins.egress_set.metrics import BUSY, FULL, KERNEL, LATE, Metrics
from resolver.sockets.nftables import AT_ONCE, NftablesError, Put, Table, Wanted

Element = tuple[str, bytes]
"""Set and address."""

MOST_KNOWN: Final = 65536
MOST_WAITING: Final = 8192

_ALONE: Final = frozenset((errno.ENFILE, errno.ENOSPC, errno.ENOENT))


class Failure(ResolverError):
    """An address is not in its set; ``reason`` is the label of the metric."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class _Waiter:
    """An answer that waits for some elements."""

    __slots__ = ("failure", "future", "remaining")

    def __init__(self, future: asyncio.Future[Failure | None], remaining: int) -> None:
        self.future = future
        self.remaining = remaining
        self.failure: Failure | None = None

    def done(self, failure: Failure | None) -> None:
        self.remaining -= 1
        self.failure = self.failure or failure
        if self.remaining == 0:
            self.settle(self.failure)

    def settle(self, failure: Failure | None) -> None:
        if not self.future.done():
            self.future.set_result(failure)


class Writer:
    """Writes from a thread of its own: the kernel lets one write at a time, and others may write for long."""

    def __init__(self, table: Table, clock: Callable[[], float], metrics: Metrics) -> None:
        self._table = table
        self._clock = clock
        self._metrics = metrics
        self._known: dict[Element, float] = {}
        self._waiting: dict[Element, tuple[Wanted, list[_Waiter]]] = {}
        self._thread = ThreadPoolExecutor(1, "egress_set")
        self._writing = False
        self._forgotten = 0
        self._closed = False

    def until(self, element: Element) -> float:
        """Until when an element is in its set at least, 0 where that is not known."""
        return self._known.get(element, 0.0)

    def forget(self, elements: Iterable[Element] | None) -> bool:
        """Take these elements (None for all) for gone, as somebody took them out; whether one may have been told."""
        self._forgotten += 1
        before = len(self._known)
        if elements is None:
            self._known.clear()
        else:
            for element in elements:
                self._known.pop(element, None)
        return len(self._known) < before or self._writing

    async def put(self, wanted: Sequence[Wanted], within: float) -> Failure | None:
        """Have different elements in their sets; what kept one from it after at most ``within`` seconds."""
        if self._closed or len(self._waiting) + len(wanted) > MOST_WAITING:
            return Failure(BUSY, "too many addresses wait to be written")
        loop = asyncio.get_running_loop()
        waiter = _Waiter(loop.create_future(), len(wanted))
        for one in wanted:
            self._queue(one, waiter)
        if not self._writing:
            self._writing = True
            loop.call_soon(self._write, loop)
        late = Failure(LATE, f"the kernel did not answer within {within:g} s")
        timer = loop.call_later(within, waiter.settle, late)
        try:
            return await waiter.future
        finally:
            timer.cancel()

    def close(self) -> None:
        """Write nothing more, and let go of the table when what is under way is done."""
        if self._closed:
            return
        self._closed = True
        self._thread.submit(self._table.close)
        self._thread.shutdown(wait=False)
        self._settle(list(self._waiting.values()), [Failure(BUSY, "the server stops")] * len(self._waiting))
        self._waiting.clear()

    def _queue(self, one: Wanted, waiter: _Waiter) -> None:
        element = (one.set, one.key)
        before = self._waiting.get(element)
        if before is None:
            self._waiting[element] = (one, [waiter])
            return
        other, waiters = before
        waiters.append(waiter)
        longer = one._replace(needed=max(one.needed, other.needed), timeout=max(one.timeout, other.timeout))
        self._waiting[element] = (longer, waiters)

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hand what waits to the thread, as much as fits into one batch."""
        if self._closed or not self._waiting:
            self._writing = False
            return
        elements = [element for element, _ in zip(self._waiting, range(AT_ONCE), strict=False)]
        entries = [self._waiting.pop(element) for element in elements]
        begun, forgotten = self._clock(), self._forgotten
        job = loop.run_in_executor(self._thread, _put, self._table, [wanted for wanted, _ in entries])
        job.add_done_callback(lambda done: self._written(loop, done, begun, forgotten, elements, entries))

    def _written(
        self,
        loop: asyncio.AbstractEventLoop,
        done: asyncio.Future[_Outcome],
        begun: float,
        forgotten: int,
        elements: Sequence[Element],
        entries: Sequence[tuple[Wanted, list[_Waiter]]],
    ) -> None:
        if done.cancelled():
            self._settle(entries, [Failure(BUSY, "the server stops")] * len(entries))
            return
        outcome = done.result()
        self._metrics.added.value += outcome.added
        self._metrics.refreshed.value += outcome.refreshed
        self._metrics.seconds.observe(outcome.seconds)
        failures: list[Failure | None] = []
        for element, result in zip(elements, outcome.results, strict=True):
            if isinstance(result, NftablesError):
                failures.append(Failure(FULL if result.full else KERNEL, str(result)))
            else:
                if forgotten == self._forgotten:  # otherwise it may have been taken out since
                    self._remember(element, begun + result)
                failures.append(None)
        self._settle(entries, failures)
        self._write(loop)

    def _remember(self, element: Element, until: float) -> None:
        self._known.pop(element, None)
        if len(self._known) >= MOST_KNOWN:
            del self._known[next(iter(self._known))]
        self._known[element] = until

    @staticmethod
    def _settle(entries: Iterable[tuple[Wanted, list[_Waiter]]], failures: Iterable[Failure | None]) -> None:
        for (_, waiters), failure in zip(entries, failures, strict=True):
            for waiter in waiters:
                waiter.done(failure)


class _Outcome:
    """For each element the seconds for which it is in its set, or why it is not."""

    def __init__(self) -> None:
        self.added = self.refreshed = 0
        self.seconds = 0.0
        self.results: list[float | NftablesError] = []

    def take(self, put: Put) -> None:
        self.added += put.added
        self.refreshed += put.refreshed
        self.results += put.left


def _put(table: Table, wanted: Sequence[Wanted]) -> _Outcome:
    """Write a batch; where one element could be what the kernel does not take, each by itself."""
    begun = perf_counter()
    outcome = _Outcome()
    try:
        outcome.take(table.put(wanted))
    except NftablesError as error:
        if len(wanted) == 1 or error.code not in _ALONE:
            outcome.results += [error] * len(wanted)
        else:
            for one in wanted:
                try:
                    outcome.take(table.put([one]))
                except NftablesError as alone:
                    outcome.results.append(alone)
    outcome.seconds = perf_counter() - begun
    return outcome
