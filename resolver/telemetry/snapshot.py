"""Metrics as plain data, so that the figures of several workers can be sent, added up and shown as one."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from resolver.telemetry.metrics import Family, Registry

# One list a family: [kind, name, text, labels, merge, bounds, cells]. A cell is [label values, value], that of a
# histogram [label values, counts per bucket, sum]. Lists of strings and numbers only: survives JSON unchanged.
Snapshot: TypeAlias = list[list[Any]]

_MERGERS: dict[str, Callable[[float, float], float]] = {"sum": operator.add, "max": max, "min": min}


def snapshot(registry: Registry) -> Snapshot:
    """The state of all families now, hooks called first."""
    return list(families(registry))


def families(registry: Registry) -> Iterator[list[Any]]:
    """The same one by one, for who has something else to do in between: ten thousand cells take some 10 ms."""
    return map(_family, registry.families())


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """One snapshot of many: counters and histograms add up, gauges follow the rule of their family.

    Families come in the order in which they first appear. Histograms whose bounds differ from the first one's are left
    out, as no sum of theirs would be true.
    """
    merged: dict[str, list[Any]] = {}
    cells: dict[str, dict[tuple[str, ...], list[Any]]] = {}
    for kind, name, text, labels, rule, bounds, added in (family for each in snapshots for family in each):
        first = merged.setdefault(name, [kind, name, text, list(labels), rule, list(bounds), []])
        if (first[0], first[3], first[5]) == (kind, list(labels), list(bounds)):
            _add(cells.setdefault(name, {}), kind, rule, added)
    for name, family in merged.items():
        family[6] = list(cells[name].values())
    return list(merged.values())


def settled(source: Snapshot) -> Snapshot:
    """What stays true of a worker that has ended: its counters and histograms."""
    return [family for family in source if family[0] != "gauge"]


def _family(family: Family) -> list[Any]:
    if family.kind == "histogram":
        cells = [[list(values), list(cell.counts), cell.total] for values, cell in family.cells.items()]
    else:
        cells = [[list(values), cell.value] for values, cell in family.cells.items()]
    return [family.kind, family.name, family.text, list(family.labels), family.merge, list(family.bounds), cells]


def _add(into: dict[tuple[str, ...], list[Any]], kind: str, rule: str, cells: list[list[Any]]) -> None:
    for values, *figures in cells:
        found = into.setdefault(tuple(values), [list(values)])
        if len(found) == 1:
            found.extend(list(figure) if isinstance(figure, list) else figure for figure in figures)
        elif kind == "histogram":
            found[1] = [one + other for one, other in zip(found[1], figures[0], strict=True)]
            found[2] += figures[1]
        else:
            found[1] = _MERGERS[rule if kind == "gauge" else "sum"](found[1], figures[0])
