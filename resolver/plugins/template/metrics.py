"""How often templates matched, and how often they failed."""

from __future__ import annotations

from resolver.chain.query import Site
from resolver.plugins.template.data import Data
from resolver.telemetry.metrics import Cell, Registry

_LABELS = ("server", "zone", "view", "class", "type")
_FAILURE_LABELS = (*_LABELS, "section", "template")
_MOST_KEPT = 1000


class Metrics:
    """The counters; cells of matches are kept, so that replayed answers of one kind share theirs."""

    def __init__(self, registry: Registry) -> None:
        self._matches = registry.counter("coredns_template_matches_total", "Queries that a template matched.", _LABELS)
        self._template_failures = registry.counter(
            "coredns_template_template_failures_total", "Templates that could not be filled in.", _FAILURE_LABELS
        )
        self._record_failures = registry.counter(
            "coredns_template_rr_failures_total", "Templates that made something else than a record.", _FAILURE_LABELS
        )
        self._kept: dict[tuple[Site, str, int, int], Cell] = {}

    def matched(self, site: Site, data: Data) -> Cell:
        """The cell for queries such as this one."""
        key = (site, data.zone, data.rclass, data.rtype)
        cell = self._kept.get(key)
        if cell is None:
            if len(self._kept) >= _MOST_KEPT:
                self._kept.clear()
            cell = self._matches.cell(site.server, data.zone, site.view, data.class_text, data.type_text)
            self._kept[key] = cell
        return cell

    def template_failed(self, site: Site, data: Data, section: str, template: str) -> None:
        """A template could not be filled in."""
        self._template_failures.cell(*self._labels(site, data), section, template).value += 1

    def record_failed(self, site: Site, data: Data, section: str, template: str) -> None:
        """What a template made is not a record."""
        self._record_failures.cell(*self._labels(site, data), section, template).value += 1

    def _labels(self, site: Site, data: Data) -> tuple[str, ...]:
        return site.server, data.zone, site.view, data.class_text, data.type_text
