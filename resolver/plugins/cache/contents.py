"""What one cache holds: two stores, how popular answers are, which refreshes failed lately."""

from __future__ import annotations

from resolver.plugins.cache.budget import Budget
from resolver.plugins.cache.popularity import Popularity
from resolver.plugins.cache.settings import Settings
from resolver.plugins.cache.store import Store
from resolver.plugins.cache.subnet import Scopes

_MOST_PAUSES = 4096


class Contents:
    """Outlives the part that filled it when a reload hands it over; ``owners`` counts the parts in service."""

    __slots__ = ("denial", "owners", "pauses", "popularity", "scopes", "success")

    def __init__(self, settings: Settings, budget: Budget) -> None:
        self.popularity = Popularity(settings.prefetch.gap) if settings.prefetch else None
        forgotten = [self.popularity.forget] if self.popularity is not None else []
        self.success = Store(settings.success.capacity, budget, *forgotten)
        self.denial = Store(settings.denial.capacity, budget, *forgotten)
        self.scopes = Scopes()
        self.pauses: dict[bytes, float] = {}
        self.owners = 0

    def pause(self, key: bytes, until: float) -> None:
        """Let no refresh of this key begin before then."""
        if len(self.pauses) >= _MOST_PAUSES:
            del self.pauses[next(iter(self.pauses))]
        self.pauses[key] = until

    def paused_until(self, key: bytes, now: float) -> float | None:
        """When the next refresh of this key may begin, None where it may now."""
        until = self.pauses.get(key)
        if until is None:
            return None
        if now < until:
            return until
        del self.pauses[key]
        return None

    def forget(self, key: bytes) -> None:
        """Hold nothing for this key."""
        self.success.remove(key)
        self.denial.remove(key)

    def clear_some(self) -> bool:
        """Free a small part; False when nothing is left."""
        return self.success.clear_some() or self.denial.clear_some()
