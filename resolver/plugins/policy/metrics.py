"""What was decided, and how the rules are."""

from __future__ import annotations

from typing import Final

from resolver.chain.query import Site
from resolver.policy.rules import AUDIT_ONLY, REFUSED, Decision
from resolver.telemetry.metrics import Cell, Family, Registry

REBINDING: Final = "rebinding"
MAX_RULE_LABELS: Final = 400
_MEMO: Final = 4096


class Tally:
    """Where one kind of decision is counted; ``add`` is the form in which replays count themselves."""

    __slots__ = ("cells",)

    def __init__(self, cells: tuple[Cell, ...]) -> None:
        self.cells = cells

    def add(self, amount: int) -> None:
        """Count so many decisions."""
        for cell in self.cells:
            cell.value += amount


class Metrics:
    """Metrics of all ``policy`` directives."""

    def __init__(self, registry: Registry) -> None:
        self._decisions = registry.counter(
            "coredns_policy_decisions_total",
            "Queries by what policy made of them.",
            ("server", "zone", "view", "action"),
        )
        self._rules = registry.counter(
            "coredns_policy_rule_decisions_total",
            "Queries by the rule that decided, for rules that were given a name.",
            ("rule", "action"),
            limit=MAX_RULE_LABELS,
        )
        for action in (REFUSED, AUDIT_ONLY):  # shown before it happens: a first time is an increase, too
            self._rules.cell(REBINDING, action)
        self._doubtful = registry.counter(
            "coredns_policy_unknown_clients_total",
            "Queries that a rule for Pods denied to a client of whom it is not known which Pod it is.",
            ("server", "zone", "view", "action"),
        )
        self._tallies: dict[tuple[Site, str, str, bool], Tally] = {}
        self.rules: Family = registry.gauge("coredns_policy_rules", "Rules in force.", ("source",), merge="max")
        self.changed: Family = registry.gauge(
            "coredns_policy_rules_timestamp_seconds",
            "When the rules that are in force were changed.",
            ("source",),
            merge="max",
        )
        self.config_maps: Family = registry.gauge(
            "coredns_policy_configmaps", "ConfigMaps with rules of namespaces.", ("state",), merge="max"
        )
        self.failures: Family = registry.counter(
            "coredns_policy_reload_failures_total", "Rules that could not be read, so that old ones stay.", ("source",)
        )
        self.serial: Family = registry.gauge(
            "coredns_policy_rpz_serial", "Serial of the response policy zone in force.", ("rpz",), merge="max"
        )
        self.triggers: Family = registry.gauge(
            "coredns_policy_rpz_triggers",
            "Triggers of the response policy zone, by whether they work here.",
            ("rpz", "state"),
            merge="max",
        )

    def tally(self, site: Site, found: Decision) -> Tally:
        """Where decisions like this are counted."""
        name = found.rule if found.named or not found.explicit else ""
        key = (site, found.action, name, found.doubtful)
        tally = self._tallies.get(key)
        if tally is None:
            cells: tuple[Cell, ...] = (self._decisions.cell(site.server, site.zone, site.view, found.action),)
            if name:
                cells = (*cells, self._rules.cell(name, found.action))
            if found.doubtful:
                cells = (*cells, self._doubtful.cell(site.server, site.zone, site.view, found.action))
            if len(self._tallies) >= _MEMO:
                self._tallies.clear()
            tally = self._tallies[key] = Tally(cells)
        return tally
