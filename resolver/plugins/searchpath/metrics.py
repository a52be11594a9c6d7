"""What ``searchpath`` counts."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from resolver.chain.query import Site
from resolver.plugins.searchpath.settings import Settings
from resolver.telemetry.metrics import OTHER, Cell, Registry

Counts = tuple[Callable[[int], None], ...]

_SITE: Final = ("server", "zone", "view")
_LABEL: Final = re.compile(rb"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


class Saving:
    """Counts the questions that an answer of this kind made superfluous."""

    __slots__ = ("cell", "each")

    def __init__(self, cell: Cell, each: int) -> None:
        self.cell = cell
        self.each = each

    def add(self, times: int) -> None:
        """Count so many answers."""
        self.cell.value += self.each * times


class Metrics:
    """Finds the counters of an outcome; those found once are kept, so that replays share them."""

    def __init__(self, registry: Registry, settings: Settings) -> None:
        self.mode = settings.mode
        self._stopped = registry.counter(
            "coredns_searchpath_stopped_total",
            "Questions behind a search suffix of the cluster that were answered at once.",
            (*_SITE, "mode", "result"),
        )
        self._passed = registry.counter(
            "coredns_searchpath_passed_total",
            "Questions behind a search suffix of the cluster that were left as they are.",
            (*_SITE, "reason"),
        )
        self._saved = registry.counter(
            "coredns_searchpath_saved_queries_total",
            "Questions that need not be asked any more because of that, estimated.",
            _SITE,
        )
        self._namespaces = registry.counter(
            "coredns_searchpath_namespace_queries_total",
            "Questions for external names behind the search suffix of a namespace.",
            ("namespace",),
        )
        self._room = settings.namespaces
        self._counts: dict[tuple[Site, str, int], Counts] = {}
        self._of_namespace: dict[bytes, Callable[[int], None]] = {}
        self._of_others: Callable[[int], None] | None = None

    def stopped(self, site: Site, result: str, saved: int) -> Counts:
        """The counters of an answer that made ``saved`` more questions superfluous."""
        key = (site, result, saved)
        found = self._counts.get(key)
        if found is None:
            stopped: Cell = self._stopped.cell(*site, self.mode, result)
            found = self._counts[key] = (stopped.add, Saving(self._saved.cell(*site), saved).add)
        return found

    def passed(self, site: Site, reason: str) -> Counts:
        """The counters of a question that was left as it is."""
        key = (site, reason, -1)
        found = self._counts.get(key)
        if found is None:
            cell: Cell = self._passed.cell(*site, reason)
            found = self._counts[key] = (cell.add,)
        return found

    def namespace(self, suffix: bytes) -> Counts:
        """The counters of the namespace whose search suffix that is (a lower-case wire name)."""
        if not self._room:
            return ()
        label = suffix[1 : 1 + suffix[0]]
        found = self._of_namespace.get(label)
        if found is None:
            if len(self._of_namespace) >= self._room or not _LABEL.fullmatch(label):
                return (self._others(),)
            found = self._of_namespace[label] = self._cell_of(label.decode("ascii")).add
        return (found,)

    def _others(self) -> Callable[[int], None]:
        if self._of_others is None:
            self._of_others = self._cell_of(OTHER).add
        return self._of_others

    def _cell_of(self, namespace: str) -> Cell:
        cell: Cell = self._namespaces.cell(namespace)
        return cell
