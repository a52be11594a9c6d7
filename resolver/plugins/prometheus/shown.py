"""What the ``prometheus`` directives of all server blocks of a process show together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol
from weakref import WeakKeyDictionary

from resolver import __version__
from resolver.telemetry.metrics import Family, Registry
from resolver.telemetry.process import RuntimeDetail, watch_process


class Showing(Protocol):
    """The part of one server block."""

    @property
    def detailed(self) -> bool:
        """Whether figures of Python and the kernel are wanted."""

    def plugins(self) -> list[tuple[str, ...]]:
        """Server, zone, view and name of each plugin of the block."""


class Shown:
    """One hook for all server blocks; the plugins in use are written down anew only when they have changed."""

    def __init__(self) -> None:
        self._parts: dict[Showing, None] = {}
        self._written = False
        self._details = 0
        self._end_detail: Callable[[], None]
        self._end: Callable[[], None]

    def join(self, part: Showing, registry: Registry) -> None:
        """A block is in use."""
        if not self._parts:
            watch_process(registry, __version__)
            self._end = registry.before_read(lambda: self._write(registry))
        if part.detailed:
            if not self._details:
                self._end_detail = registry.before_read(RuntimeDetail(registry).read)
            self._details += 1
        self._parts[part] = None
        self._written = False

    def leave(self, part: Showing, registry: Registry) -> None:
        """It is not in use any more; what was counted stays."""
        if part not in self._parts:
            return
        del self._parts[part]
        self._written = False
        if part.detailed:
            self._details -= 1
            if not self._details:
                self._end_detail()
        if not self._parts:
            self._end()
            self._write(registry)
            del _shown[registry]

    def _write(self, registry: Registry) -> None:
        if self._written:
            return
        self._written = True
        enabled = enabled_plugins(registry)
        enabled.cells.clear()
        for part in self._parts:
            for labels in part.plugins():
                enabled.cell(*labels).value = 1


def enabled_plugins(registry: Registry) -> Family:
    """The family that says which plugins are in use."""
    labels = ("server", "zone", "view", "name")
    return registry.gauge("coredns_plugin_enabled", "1 for each plugin in use.", labels, merge="max")


_shown: WeakKeyDictionary[Registry, Shown] = WeakKeyDictionary()


def shown_by(registry: Registry) -> Shown:
    """What is shown together by all who count in this registry."""
    found = _shown.get(registry)
    if found is None:
        found = _shown[registry] = Shown()
    return found
