"""One budget of octets for the caches of all server blocks of a process."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import WeakSet

from resolver.config.model import Word
from resolver.plugins.cache.metrics import budget_gauges
from resolver.telemetry.metrics import Registry

if TYPE_CHECKING:
    from resolver.plugins.cache.store import Store

DEFAULT_BUDGET = 64 << 20
_SIZES = 64  # classes of size by powers of two; no store is larger than 2**63 octets
_EVICTED_AT_ONCE = 512


class Claim:
    """What one ``cache`` line says about the budget: ``octets``, or None for nothing. ``word`` says where."""

    __slots__ = ("__weakref__", "octets", "settled", "word")

    def __init__(self, octets: int | None = None, word: Word | None = None) -> None:
        self.octets = octets
        self.word = word
        self.settled = False


class Budget:
    """Octets that all stores of a process take together, and which of them has to give way.

    Stores are filed by the power of two that their size has reached, so that one of the largest (none is twice its
    size) is found without looking at all of them.
    """

    def __init__(self) -> None:
        self.limit = DEFAULT_BUDGET
        self.used = 0
        self._by_size: list[dict[Store, None]] = [{} for _ in range(_SIZES)]
        self._largest = 0
        self._claims: WeakSet[Claim] = WeakSet()
        self._in_force: list[Claim] = []
        self._hide: Callable[[], None] = lambda: None

    def refile(self, store: Store, before: int, after: int) -> None:
        """Note that a store's size class changed; 0 stands for an empty store."""
        if before:
            self._by_size[before].pop(store, None)
        if after:
            self._by_size[after][store] = None
            self._largest = max(self._largest, after)

    def make_room(self, octets: int) -> bool:
        """Evict until so many octets fit; False where they cannot."""
        if octets > self.limit:
            return False
        for _ in range(_EVICTED_AT_ONCE):
            if self.used + octets <= self.limit:
                return True
            while not self._by_size[self._largest] and self._largest:
                self._largest -= 1
            store = next(iter(self._by_size[self._largest]), None)
            if store is None:
                return False
            store.evict()
        return False

    def claim(self, claim: Claim) -> None:
        """Enter what a line of a new configuration says. Raises ConfigError where another line says otherwise."""
        if claim.octets is not None and claim.word is not None:
            rival = self._rival(claim)
            if rival is not None:
                gc.collect()  # a configuration that was given up may not have been freed yet
                rival = self._rival(claim)
            if rival is not None and rival.word is not None:
                raise claim.word.error(
                    f"budget {claim.word.text} contradicts budget {rival.word.text} at {rival.word.at}",
                    "the budget is one for all caches of the process",
                )
        self._claims.add(claim)

    def settle(self, claim: Claim, registry: Registry) -> None:
        """The line's configuration goes into service."""
        if not self._in_force:
            self._hide = budget_gauges(registry, lambda: self.used, lambda: self.limit)
        claim.settled = True
        self._in_force.append(claim)
        self._decide()

    def release(self, claim: Claim) -> None:
        """The line's configuration is no longer in service."""
        if claim in self._in_force:
            self._in_force.remove(claim)
            self._decide()
            if not self._in_force:
                self._hide()

    def _rival(self, claim: Claim) -> Claim | None:
        others = (one for one in self._claims if not one.settled and one.octets is not None)
        return next((one for one in others if one.octets != claim.octets), None)

    def _decide(self) -> None:
        named = [claim.octets for claim in self._in_force if claim.octets is not None]
        self.limit = named[-1] if named else DEFAULT_BUDGET
