"""What the parts of a chain note about one query, for who writes it down or counts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LIMITS: Final = frozenset(("ratelimit", "rrl", "cookies"))
"""Rules that turn queries away whatever their names are; for a replay they decide anew."""

_CACHE_STATES: Final = ("", "hit", "miss", "stale")


@dataclass(slots=True)
class Trail:
    """Notes on a client's query, shared by all queries that are derived from it; there where somebody wants them.

    ``decision`` is what was decided (``allow``, ``deny`` or ``audit-only``), ``rule`` the name of the rule: a denial
    stays, and leave to pass takes no finding's place. ``rewritten`` is the lower-case wire name that answers were
    sought for, where it is another one than the client's. ``cache`` is ``hit``, ``miss`` or ``stale``, empty where no
    cache was asked; of an answer that is made of several, the last of these that holds for any. ``upstream`` is the
    address that was asked last and ``upstream_time`` the seconds that all exchanges with upstreams took.
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
        """Note a decision: a denial stays, and leave to pass is only noted where nothing else was."""
        if self.decision != "deny" and not (self.decision and decision == "allow"):
            self.decision, self.rule = decision, rule

    def cached(self, state: str) -> None:
        """Note what a cache had: ``hit``, ``miss`` or ``stale``."""
        if _CACHE_STATES.index(state) > _CACHE_STATES.index(self.cache):
            self.cache = state
