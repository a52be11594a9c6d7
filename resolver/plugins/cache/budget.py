"""One budget of octets for the caches of all server blocks of a process."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING
from weakref import ref

from resolver.config.model import Config, Word

if TYPE_CHECKING:
    from resolver.plugins.cache.store import Store

DEFAULT_BUDGET = 64 << 20
OCTETS_PER_ANSWER = 256  # what an answer of usual size takes, generously
_SIZES = 64  # classes of size by powers of two; no store is larger than 2**63 octets
_EVICTED_AT_ONCE = 512


class Claim:
    """The budget in octets that a ``cache`` line of a configuration names, and the word in which it does."""

    __slots__ = ("__weakref__", "config", "octets", "word")

    def __init__(self, octets: int, word: Word, config: Config | None) -> None:
        self.octets = octets
        self.word = word
        self.config = config


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
        self._claimed: Callable[[], Claim | None] = lambda: None
        self._in_force: dict[Claim, None] = {}
        self._wanted: dict[object, int] = {}
        self._all_wanted = 0

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
        """Enter what a line says. Raises ConfigError where another line of its configuration says otherwise."""
        other = self._claimed()
        if other is not None and other.config is claim.config and other.octets != claim.octets:
            raise claim.word.error(
                f"budget {claim.word.text} contradicts budget {other.word.text} at {other.word.at}",
                "the budget is one for all caches of the process",
            )
        self._claimed = ref(claim)  # those of a configuration that was given up vanish

    def settle(self, claim: Claim) -> None:
        """The line's configuration goes into service."""
        self._in_force[claim] = None
        self._decide()

    def release(self, claim: Claim) -> None:
        """The line's configuration is no longer in service."""
        self._in_force.pop(claim, None)
        self._decide()

    def want(self, who: object, answers: int) -> None:
        """A cache in service has been given room for so many answers; none where it has only the usual room."""
        self._all_wanted -= self._wanted.pop(who, 0)
        if answers:
            self._wanted[who] = answers * OCTETS_PER_ANSWER
            self._all_wanted += self._wanted[who]
        self._decide()

    def _decide(self) -> None:
        """The newest line that names a budget counts (while a reload is under way there are old ones).

        Without one there is as much as the capacities need that somebody has written down.
        """
        unsaid = max(DEFAULT_BUDGET, self._all_wanted)
        self.limit = next((claim.octets for claim in reversed(self._in_force)), unsaid)
