"""Following zones: what changed in them is kept for incremental transfers, and somebody is told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from resolver.wire.records import Record
from resolver.zone.data import Zone
from resolver.zone.journal import Difference, Journal, compare
from resolver.zone.serving import ZoneSource

# Versions of a zone that wait to be compared; what goes faster is transferred whole.
_MOST_WAITING: Final = 3

# Zones up to so many names are compared at once, larger ones in a thread.
_COMPARED_AT_ONCE: Final = 2_000


class Changes:
    """Journals of all zones that are followed. ``tell`` is called with a zone once its journal has the change."""

    def __init__(self, tell: Callable[[bytes], None]) -> None:
        self._tell = tell
        self._journals: dict[bytes, Journal] = {}
        self._waiting: dict[bytes, int] = {}
        self._leave: list[Callable[[], None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Lock()

    def follow(self, sources: Iterable[ZoneSource]) -> None:
        """Follow all zones of these parts from now on."""
        for source in sources:
            self._leave.append(source.follow_zones(self._changed))
            for zone in source.zones().values():
                self._tell(zone.origin)

    async def stop(self) -> None:
        """Follow nobody any more."""
        for leave in self._leave:
            leave()
        self._leave.clear()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def since(self, zone: bytes, serial: int, soa: Record) -> list[Difference] | None:
        """What leads from a version of a zone to the present one with that SOA, None where it is not known."""
        journal = self._journals.get(zone)
        return None if journal is None else journal.since(serial, soa)

    def _changed(self, origin: bytes, before: Zone | None, after: Zone | None) -> None:
        if after is None:
            return  # an expired zone may come back, with the journal that it had
        if before is None:
            self._tell(origin)
            return
        waiting = self._waiting.get(origin, 0)
        if not waiting and max(len(before.nodes), len(after.nodes)) <= _COMPARED_AT_ONCE:
            self._note(origin, compare(before, after))
        elif waiting >= _MOST_WAITING:
            self._note(origin, None)
        else:
            self._waiting[origin] = waiting + 1
            task = asyncio.get_running_loop().create_task(self._compare(origin, before, after))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _compare(self, origin: bytes, before: Zone, after: Zone) -> None:
        try:
            async with self._turn:
                difference = await asyncio.get_running_loop().run_in_executor(None, compare, before, after)
        finally:
            self._waiting[origin] -= 1
        self._note(origin, difference)

    def _note(self, origin: bytes, difference: Difference | None) -> None:
        self._journals.setdefault(origin, Journal()).note(difference)
        self._tell(origin)
