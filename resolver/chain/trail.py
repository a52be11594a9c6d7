"""What the parts of a chain note about one query, for who writes it down or counts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_CACHE_STATES: Final = ("", "hit", "miss", "stale")


@dataclass(slots=True)
class Trail:
    """Notes on a client's query, shared by all queries that are derived from it; there where somebody wants them.

    ``decision`` is what the last policy that had a say decided (``allow``, ``deny`` or ``audit-only``), ``rule`` the
    name of its rule; a denial is never overwritten. ``rewritten`` is the lower-case wire name that answers were sought
    for, where it is another one than the client's. ``cache`` is ``hit``, ``miss`` or ``stale``, empty where no cache
    was asked; of an answer that is made of several, the last of these that holds for any. ``upstream`` is the address
    that was asked last and ``upstream_time`` the seconds that all exchanges with upstreams took.
    ``made_from`` is what the answer was made from where that answers for names without number: a wildcard, the owner of
    a DNAME (lower-case wire names).
    """

    decision: str = ""
    rule: str = ""
    rewritten: bytes = b""
    cache: str = ""
    upstream: str = ""
    upstream_time: float = 0.0
    made_from: bytes = b""

    def decide(self, decision: str, rule: str) -> None:
        """Note a decision, unless the query was denied already."""
        if self.decision != "deny":
            self.decision, self.rule = decision, rule

    def cached(self, state: str) -> None:
        """Note what a cache had: ``hit``, ``miss`` or ``stale``."""
        if _CACHE_STATES.index(state) > _CACHE_STATES.index(self.cache):
            self.cache = state
