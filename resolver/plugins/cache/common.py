"""What the caches of all server blocks of a process share."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

from resolver.plugins.cache.budget import Budget
from resolver.plugins.cache.metrics import BudgetGauges
from resolver.plugins.cache.refresh import Places
from resolver.telemetry.metrics import Registry


class Common:
    """One budget of octets, a limit to the refreshes under way, and one hook for all figures."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.places = Places()
        self.shows: dict[Callable[[], None], None] = {}
        self._caches = 0
        self._unhook: Callable[[], None]

    def begin(self, registry: Registry) -> None:
        """One more cache is in service: what stands in ``shows`` is called in front of each reading of the registry."""
        if not self._caches:
            gauges = BudgetGauges(registry)
            self._unhook = registry.before_read(lambda: self._show(gauges))
        self._caches += 1

    def end(self) -> None:
        """A cache is no longer in service."""
        self._caches -= 1
        if not self._caches:
            self._unhook()

    def _show(self, gauges: BudgetGauges) -> None:
        gauges.show(self.budget.used, self.budget.limit)
        for show in self.shows:
            show()


_commons: WeakKeyDictionary[Registry, Common] = WeakKeyDictionary()


def common_of(registry: Registry) -> Common:
    """What is shared by the caches that count in this registry, which is one for a process."""
    common = _commons.get(registry)
    if common is None:
        common = _commons[registry] = Common()
    return common
