"""Scope ``seen``: only the Pods that ask, each looked up by its address."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from resolver.chain.capabilities import Identity
from resolver.chain.setup import Host
from resolver.kube.access import Access
from resolver.plugins.identity.knowledge import SURE_AFTER, Changed, Followers, Ticking
from resolver.plugins.identity.lookups import Lookups
from resolver.plugins.identity.metrics import Metrics
from resolver.plugins.identity.reading import Resident
from resolver.plugins.identity.room import WaitingRoom
from resolver.plugins.identity.settings import Settings

AGAIN: Final = 5.0  # seconds until an address is looked up again for which the API had no answer
FIRST_AGAIN: Final = 0.1  # seconds; a Pod may ask before the API knows its address
NOBODY: Final = 2.0  # seconds until an address that nobody has is looked up again, doubled each time
KEPT: Final = 10  # times the age at which it is verified is how long an address is remembered that does not ask


@dataclass(slots=True)
class Entry:
    """An address: its Pod, when the API last said so, and until when it is not asked again (host's clock).

    ``misses`` counts the answers in a row that nobody has it, of which the first came at ``missed``. ``shared`` is the
    address of a node. ``failed`` says that the API had no answer when it was asked last.
    """

    identity: Identity | None = None
    shared: bool = False
    confirmed: float | None = None
    due: float = 0.0
    misses: int = 0
    missed: float | None = None
    failed: bool = False
    told: bool = False


class Seen:
    """Knows the addresses that were seen lately."""

    is_known = True

    def __init__(self, settings: Settings, access: Access, host: Host) -> None:
        self._settings = settings
        self._host = host
        self._clock = host.clock
        self._log = host.log.named("identity")
        self._followers = Followers()
        self._room = WaitingRoom()
        self._entries: dict[str, Entry] = {}  # those that were not looked up for longest come first
        self._ends: list[tuple[float, str]] = []  # a heap: when there is something to do about an address
        self._lookups = Lookups(access, settings.rate, settings.burst, host, self._answered)
        self._ticking = Ticking(self._look)
        self._metrics = Metrics(host.registry, settings.scope, self._count, self._age)
        self._away_since: float | None = None
        self.problem = ""

    # --- life

    def begin(self) -> None:
        self._ticking.begin()

    async def end(self) -> None:
        self._ticking.end()
        self._metrics.close()
        await self._lookups.close()

    async def wait_known(self, seconds: float) -> bool:
        return True

    # --- questions

    def find(self, address: str) -> Identity | None:
        entry = self._entries.get(address)
        if entry is None or entry.identity is None or entry.confirmed is None:
            return None
        return entry.identity if self._clock() - entry.confirmed <= self._settings.stale else None

    def settled(self, address: str) -> bool:
        entry = self._entries.get(address)
        return entry is not None and self._clock() < entry.due

    def unknown(self, address: str) -> bool:
        entry = self._entries.get(address)
        if entry is None or entry.confirmed is None:
            return True
        if entry.missed is None:
            return self._clock() - entry.confirmed > self._settings.stale
        return entry.failed or self._clock() >= entry.due or entry.confirmed - entry.missed < SURE_AFTER

    async def meet(self, address: str) -> Identity | None:
        if self.settled(address) or self._room.is_full:
            return self.find(address)
        if not self._lookups.ask(address):
            self._metrics.lookups["dropped"].value += 1
            return self.find(address)
        await self._until_known(address)
        met = self._metrics.met_nobody if self.find(address) is None else self._metrics.met_pod
        met.value += 1
        return self.find(address)

    async def _until_known(self, address: str) -> None:
        """Wait for the answer, and for another one as long as nobody has the address."""
        until = self._clock() + self._settings.wait
        again = FIRST_AGAIN
        while (left := until - self._clock()) > 0 and not self._room.is_full:
            await self._room.wait(address, left)
            entry = self._entries.get(address)
            if entry is None or entry.identity or entry.shared or entry.misses != 1 or self.problem:
                return
            left = until - self._clock()
            if left <= again:
                return
            await self._room.wait(address, again)
            again *= 2
            entry.misses = 0  # not the next time that the client asks, but once more for the same query
            self._lookups.ask(address)

    def follow(self, changed: Changed) -> Callable[[], None]:
        return self._followers.follow(changed)

    # --- answers

    def _answered(self, address: str, resident: Resident | None, problem: str) -> None:
        now = self._clock()
        self._note_problem(problem, now)
        before = self.find(address), self.unknown(address)
        entry = self._entries.pop(address, None) or Entry()
        self._entries[address] = entry
        entry.failed = bool(problem)
        if problem:
            self._metrics.lookups["error"].value += 1
            entry.due = now + AGAIN
        else:
            self._metrics.lookups["none" if resident is None else "found"].value += 1
            self._take(entry, address, resident, now)
        entry.told = False
        heapq.heappush(self._ends, (entry.due, address))
        self._make_room()
        self._room.tell(address)
        if (self.find(address), self.unknown(address)) != before:
            self._followers.tell(address)

    def _take(self, entry: Entry, address: str, resident: Resident | None, now: float) -> None:
        entry.confirmed = now
        entry.shared = resident is not None and address in resident.nodes
        entry.identity = None if resident is None or entry.shared else resident.identity
        if resident is None:
            entry.missed = now if entry.missed is None else entry.missed
            entry.misses += 1
            entry.due = now + min(NOBODY * 2 ** min(entry.misses - 1, 20), self._settings.verify)
        else:
            entry.misses, entry.missed = 0, None
            entry.due = now + self._settings.verify

    def _make_room(self) -> None:
        while len(self._entries) > self._settings.addresses:
            oldest = next(iter(self._entries))
            del self._entries[oldest]
            self._followers.tell(oldest)

    def _look(self) -> None:
        """Tell of what has to be verified when it is next asked for, and forget what nobody asks for."""
        now, kept = self._clock(), KEPT * self._settings.verify
        while self._ends and self._ends[0][0] <= now:
            _, address = heapq.heappop(self._ends)
            entry = self._entries.get(address)
            if entry is None or now < entry.due:
                continue
            if not entry.told:
                entry.told = True
                heapq.heappush(self._ends, (entry.due + kept, address))
                self._followers.tell(address)
            elif now >= entry.due + kept:
                del self._entries[address]

    def _note_problem(self, problem: str, now: float) -> None:
        if problem and problem != self.problem:
            self._log.warning(f"cannot look up the Pod of an address: {problem}; what is known is kept")
        if not problem and self.problem:
            self._log.info("the API tells again which Pod has an address")
        self.problem = problem
        self._away_since = None if not problem else now if self._away_since is None else self._away_since

    def _count(self) -> int:
        return sum(entry.identity is not None for entry in self._entries.values())

    def _age(self) -> float:
        return 0.0 if self._away_since is None else self._clock() - self._away_since
