"""Keeping one zone as its primaries have it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from resolver.errors import ResolverError
from resolver.telemetry.log import Log
from resolver.wire.names import to_text
from resolver.zone.data import Zone
from resolver.zone.primary import Primary
from resolver.zone.refresh import Refresh

# How many zones may be fetched at a time.
MOST_AT_ONCE: Final = 10


class Holder(Protocol):
    """Who does something with the zone: ``ZoneAnswers``, or whoever reads zones for another purpose."""

    def claim(self, origin: bytes) -> None:
        """The zone is not to be had yet, or no longer."""

    def put(self, zone: Zone) -> None:
        """This version counts from now on."""


class Follower:
    """One zone: fetched, looked after as its SOA record says, given up when it expires, told of changes by NOTIFY."""

    def __init__(
        self,
        origin: bytes,
        primaries: Sequence[Primary],
        answers: Holder,
        slots: asyncio.Semaphore,
        log: Log,
        chance: random.Random,
        clock: Callable[[], float],
    ) -> None:
        self.origin = origin
        self.primaries = primaries
        self.zone: Zone | None = None
        self.refresh = Refresh(chance, clock())
        self._answers = answers
        self._slots = slots
        self._log = log
        self._clock = clock
        self._woken = asyncio.Event()

    def succeed(self, other: Follower) -> None:
        """Go on with the zone that another one has from the same primaries."""
        self.zone, self.refresh = other.zone, other.refresh

    def notified(self) -> None:
        """A primary says that there is something newer."""
        self.refresh.notified(self._clock())
        self._woken.set()

    def begin(self) -> None:
        """Answer for the zone from now on, with the data that is here if it may be used."""
        if self.zone is not None and self.refresh.expires is not None:
            self._answers.put(self.zone)
        else:
            self._answers.claim(self.origin)

    async def run(self) -> None:
        """Follow the primaries until cancelled."""
        looking: asyncio.Task[None] | None = None
        waking = asyncio.ensure_future(self._woken.wait())
        try:
            while True:
                now = self._clock()
                if self.refresh.expired(now):
                    self._log.error(f"{self._shown} expired: no primary has answered for too long")
                    self._answers.claim(self.origin)
                if looking is None and now >= self.refresh.due:
                    looking = asyncio.ensure_future(self._look())
                wake = self.refresh.wake if looking is None else self.refresh.expires
                waited = [waking] if looking is None else [looking]  # who looks already looks again soon enough
                await asyncio.wait(waited, timeout=None if wake is None else wake - now)
                if looking is not None and looking.done():
                    looking = None
                if waking.done():
                    self._woken.clear()
                    waking = asyncio.ensure_future(self._woken.wait())
        finally:
            waking.cancel()
            if looking is not None:
                looking.cancel()

    async def _look(self) -> None:
        """Ask one primary after the other, until one answers."""
        async with self._slots:
            for primary in self.primaries:
                try:
                    zone = await primary.newer(self.origin, self.zone)
                except Exception as error:  # whatever a primary sends must not end the care for the zone
                    what = str(error) if isinstance(error, ResolverError | OSError) else repr(error)
                    self._log.warning(f"{self._shown} cannot be had from {primary.shown}: {what}")
                    continue
                self._found(zone, primary)
                return
        self.refresh.failed(self._clock())

    def _found(self, zone: Zone | None, primary: Primary) -> None:
        """A primary answered; None says that the version which is here is the newest."""
        had_expired = self.refresh.expires is None
        if zone is not None:
            self.zone = zone
            self._log.info(f"{self._shown} with serial {zone.serial} and {len(zone)} records is from {primary.shown}")
        if self.zone is not None:
            self.refresh.refreshed(self.zone, self._clock())
            if zone is not None or had_expired:
                self._answers.put(self.zone)

    @property
    def _shown(self) -> str:
        return to_text(self.origin)
