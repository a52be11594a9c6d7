"""Scopes ``node`` and ``cluster``: all Pods of a node or of the cluster, kept up to date by a watch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from resolver.chain.capabilities import Identity
from resolver.chain.setup import Host
from resolver.kube.access import Access
from resolver.kube.kinds import PODS
from resolver.kube.pool import pool_of
from resolver.kube.watch import Watch
from resolver.plugins.identity.knowledge import SURE_AFTER, Changed, Followers, Ticking
from resolver.plugins.identity.metrics import Metrics
from resolver.plugins.identity.reading import RUNNING, Resident, parse_pod
from resolver.plugins.identity.residents import Residents
from resolver.plugins.identity.room import WaitingRoom
from resolver.plugins.identity.settings import NODE, Settings

MAX_STRANGERS: Final = 10_000


class Watched:
    """Knows every Pod of its scope. Who is no Pod after the first wait is a stranger until a watch says otherwise.

    A stranger is surely no Pod once the watch has not named him for a while in which the API answered.
    """

    def __init__(self, settings: Settings, access: Access, host: Host) -> None:
        self._settings = settings
        self._access = access
        self._host = host
        self._log = host.log.named("identity")
        self._followers = Followers()
        self._residents = Residents(self._changed)
        self._room = WaitingRoom()
        self._strangers: dict[str, float | None] = {}  # when they came (host's clock); None for who surely is no Pod
        self._watch: Watch[Resident] | None = None
        self._unfollow: Callable[[], None] = lambda: None
        self._told = False
        self._away_since: float | None = None
        self._believed = True
        self._ticking = Ticking(self._look)
        self._metrics: Metrics | None = None

    # --- life

    def begin(self) -> None:
        settings = self._settings
        narrow = f"spec.nodeName={settings.node},{RUNNING}" if settings.scope == NODE else RUNNING
        self._metrics = Metrics(self._host.registry, settings.scope, lambda: len(self._residents), self._age)
        self._watch = pool_of(self._host).watch(self._access, PODS, parse_pod, fields=narrow, speaker="identity")
        self._unfollow = self._watch.follow(lambda _, old, new: self._residents.take(old, new), self._complete)
        self._ticking.begin()

    async def end(self) -> None:
        self._ticking.end()
        self._unfollow()
        watch, self._watch = self._watch, None
        if self._metrics is not None:
            self._metrics.close()
        if watch is not None:
            await pool_of(self._host).release(watch)

    async def wait_known(self, seconds: float) -> bool:
        if self._watch is not None:
            await self._watch.wait_synced(seconds)
        return self.is_known

    @property
    def is_known(self) -> bool:
        return self._told or (self._watch is not None and self._watch.refused)

    @property
    def problem(self) -> str:
        return self._watch.problem if self._watch is not None else "not started"

    def _complete(self) -> None:
        self._told = True
        self._doubt()

    # --- questions

    def find(self, address: str) -> Identity | None:
        return self._residents.find(address) if self._believed else None

    def settled(self, address: str) -> bool:
        return self._residents.knows(address) or address in self._strangers or not self._believed

    def unknown(self, address: str) -> bool:
        if not self._believed:
            if address not in self._residents.addresses and address not in self._strangers:
                self._make_stranger(address)  # so that it is told when somebody can say more
            return True
        return not self._residents.knows(address) and self._strangers.get(address, 0.0) is not None

    async def meet(self, address: str) -> Identity | None:
        if not self.settled(address) and not self._room.is_full:
            await self._room.wait(address, self._settings.wait)
            if not self._residents.knows(address):
                self._make_stranger(address)
            if self._metrics is not None:
                met = self._metrics.met_nobody if self.find(address) is None else self._metrics.met_pod
                met.value += 1
        return self.find(address)

    def follow(self, changed: Changed) -> Callable[[], None]:
        return self._followers.follow(changed)

    def _make_stranger(self, address: str) -> None:
        while len(self._strangers) >= MAX_STRANGERS:
            forgotten = next(iter(self._strangers))
            del self._strangers[forgotten]
            self._followers.tell(forgotten)
        self._strangers[address] = self._host.clock()

    def _changed(self, address: str) -> None:
        self._strangers.pop(address, None)
        self._room.tell(address)
        self._followers.tell(address)

    # --- while the API is away

    def _age(self) -> float:
        return 0.0 if self._away_since is None else self._host.clock() - self._away_since

    def _look(self) -> None:
        """Note since when the API is away, and stop to believe what is known when that was too long ago."""
        is_away = bool(self.problem)
        if is_away is not (self._away_since is not None):
            self._away_since = self._host.clock() if is_away else None
            self._doubt()
        if not is_away:
            self._make_sure()
        believed = self._age() <= self._settings.stale
        if believed is self._believed:
            return
        self._believed = believed
        if believed:
            self._log.info("Pods are identified again")
        else:
            self._log.warning(
                f"the API has not confirmed for {self._settings.stale:g} s which Pods there are: none is identified"
                f" any more ({self.problem})"
            )
        for address in [*self._residents.addresses, *self._strangers]:
            self._followers.tell(address)

    def _make_sure(self) -> None:
        """Strangers whom nothing was said of for long enough are nobody from now on."""
        if not self._told:
            return
        before = self._host.clock() - SURE_AFTER
        for address, came in list(self._strangers.items()):
            if came is not None and came <= before:
                self._strangers[address] = None
                self._followers.tell(address)

    def _doubt(self) -> None:
        """What happens from now on may not be told: whoever is a stranger now may be a Pod later."""
        now = self._host.clock()
        for address, came in list(self._strangers.items()):
            self._strangers[address] = now
            if came is None:
                self._followers.tell(address)
