"""Asking for a name that nobody else knows, and seeing whether the question comes back."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from weakref import WeakKeyDictionary

from resolver.chain.query import Query
from resolver.chain.reply import Reply
from resolver.telemetry.metrics import Registry
from resolver.wire.constants import MAX_NAME

# One question may come back by chance, where upstreams are chosen by chance; two mean that there is a loop.
ENOUGH = 2

# Two labels of 19 digits must fit in front of the zone.
LONGEST_ZONE = MAX_NAME - 40


class Verdict(Enum):
    """What a round of questions has shown."""

    CLEAR = "somebody answered"
    LOOP = "the question came back"
    SILENT = "nobody answered"


@dataclass(frozen=True, slots=True)
class Timing:
    """In seconds: the wait before asking again, that for an answer, the limits of the first and of later rounds."""

    retry: float = 1.0
    patience: float = 6.0
    first_round: float = 30.0
    later_round: float = 6.0


class Pace:
    """When the first questions of many server blocks are asked: not all at once."""

    PAUSE = 0.001  # seconds between two blocks

    def __init__(self) -> None:
        self._next = 0.0

    def wait(self, now: float) -> float:
        """How many seconds the next block has to wait, nothing where it is alone."""
        turn = max(now, self._next)
        self._next = turn + self.PAUSE
        return turn - now


_paces: WeakKeyDictionary[Registry, Pace] = WeakKeyDictionary()


def pace_of(registry: Registry) -> Pace:
    """The pace of the process that counts in this registry."""
    found = _paces.get(registry)
    if found is None:
        found = _paces[registry] = Pace()
    return found


class Prober:
    """Asks for two random numbers below a zone.

    The names come from ``secrets``: whoever could guess one could make the server believe in a loop.
    ``returned`` are the questions of this round that came back, at most as many as are enough.
    """

    def __init__(
        self, zone: bytes, ask: Callable[[bytes], Awaitable[Reply]], clock: Callable[[], float], timing: Timing
    ) -> None:
        self.zone = zone
        self.names: set[bytes] = set()
        self.returned: list[Query] = []
        self._ask = ask
        self._clock = clock
        self._timing = timing
        self._news = asyncio.Event()
        self._asking: set[asyncio.Task[Reply | None]] = set()

    def came_back(self, query: Query) -> None:
        """Note that a question for one of ``names`` came in from outside."""
        if len(self.returned) < ENOUGH:
            self.returned.append(query)
            self._news.set()

    async def round(self, limit: float) -> Verdict:
        """Ask, again where nobody answers, for at most about ``limit`` seconds."""
        self.returned.clear()
        deadline = self._clock() + limit
        try:
            while True:
                verdict = await self._probe()
                if verdict is not None:
                    return verdict
                if self._clock() >= deadline:
                    return Verdict.SILENT
        finally:
            self.names.clear()

    def stop(self) -> None:
        """Give up the questions under way."""
        for task in self._asking:
            task.cancel()

    async def _probe(self) -> Verdict | None:
        """Ask once; None where that has shown nothing yet."""
        known = len(self.returned)
        self._news.clear()
        name = random_name(self.zone)
        self.names.add(name)
        asked = asyncio.create_task(self._answer(name))
        self._asking.add(asked)
        asked.add_done_callback(self._asking.discard)
        await self._first_of(asked)
        if len(self.returned) > known:  # what comes back may wait for its own answer, so ask for another name at once
            return self._loop_or_none()
        if asked.done() and asked.result() is not None:
            return Verdict.CLEAR
        await asyncio.sleep(self._timing.retry)
        return self._loop_or_none()

    def _loop_or_none(self) -> Verdict | None:
        return Verdict.LOOP if len(self.returned) >= ENOUGH else None

    async def _first_of(self, asked: asyncio.Task[Reply | None]) -> None:
        """Wait until there is an answer or the question has come back, but not for ever."""
        news = asyncio.create_task(self._news.wait())
        try:
            await asyncio.wait((asked, news), timeout=self._timing.patience, return_when=asyncio.FIRST_COMPLETED)
        finally:
            news.cancel()

    async def _answer(self, name: bytes) -> Reply | None:
        """What was answered, None where the query failed in this server or on its way."""
        try:
            reply = await self._ask(name)
        except Exception:  # whatever went wrong, it was no answer
            return None
        return None if reply.error else reply


def random_name(zone: bytes) -> bytes:
    """Two random numbers of 62 bits as labels below the zone."""
    labels = (str(secrets.randbelow(2**62)).encode() for _ in range(2))
    return b"".join(bytes((len(label),)) + label for label in labels) + zone
