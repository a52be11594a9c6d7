"""What the caches of all server blocks of a process share."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from resolver.plugins.cache.budget import Budget
from resolver.plugins.cache.refresh import Places
from resolver.telemetry.metrics import Registry


class Common:
    """One budget of octets, and a limit to the refreshes under way."""

    def __init__(self) -> None:
        self.budget = Budget()
        self.places = Places()


_commons: WeakKeyDictionary[Registry, Common] = WeakKeyDictionary()


def common_of(registry: Registry) -> Common:
    """What is shared by the caches that count in this registry, which is one for a process."""
    common = _commons.get(registry)
    if common is None:
        common = _commons[registry] = Common()
    return common
