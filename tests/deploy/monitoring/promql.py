"""What a PromQL query asks for: its metrics, the labels that it chooses and groups by, and the labels of its result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import promql_parser as promql

# What Prometheus adds to whatever it scrapes, as the monitors here do it.
TARGET = frozenset({"job", "instance", "namespace", "pod", "node", "service", "container", "endpoint"})
_PARTS = {"_bucket": {"le"}, "_count": set(), "_sum": set()}


@dataclass(frozen=True)
class Family:
    """A metric that the server exports."""

    kind: str
    labels: frozenset[str]


def series(families: Mapping[str, Family]) -> dict[str, frozenset[str]]:
    """The labels of every series by its name; those of histograms have several names. ``up`` is Prometheus' own."""
    found: dict[str, frozenset[str]] = {"up": frozenset()}
    for name, family in families.items():
        if family.kind == "histogram":
            found |= {name + ending: family.labels | more for ending, more in _PARTS.items()}
        else:
            found[name] = family.labels
    return found


def plain(expression: str) -> str:
    """A query of a dashboard with something in place of its variables."""
    return expression.replace("$__rate_interval", "5m").replace("$job", ".*").replace("$instance", ".*")


def names(expression: str) -> set[str]:
    """The metrics that a query reads. Raises ValueError where it is none."""
    return {str(selector.name) for selector in _selectors(promql.parse(plain(expression)))}


def problems(expression: str, known: Mapping[str, frozenset[str]]) -> list[str]:
    """Metrics that nobody exports, and labels that they do not have."""
    found: list[str] = []
    _check(promql.parse(plain(expression)), known, found)
    return found


def result_labels(expression: str, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    """The labels that the result of a query may have."""
    return _labels(promql.parse(plain(expression)), known)


def _selectors(node: object) -> list[promql.VectorSelector]:
    match node:
        case promql.VectorSelector():
            return [node]
        case promql.MatrixSelector():
            return [node.vector_selector]
    return [selector for child in _children(node) for selector in _selectors(child)]


def _children(node: object) -> list[object]:
    match node:
        case promql.Call():
            return list(node.args)
        case promql.AggregateExpr():
            return [node.expr, *([node.param] if node.param is not None else [])]
        case promql.BinaryExpr():
            return [node.lhs, node.rhs]
        case promql.ParenExpr() | promql.UnaryExpr() | promql.SubqueryExpr():
            return [node.expr]
    return []


def _check(node: object, known: Mapping[str, frozenset[str]], found: list[str]) -> None:
    if isinstance(node, promql.VectorSelector | promql.MatrixSelector):
        (selector,) = _selectors(node)
        name = str(selector.name)
        if name not in known:
            found.append(f"{name} is not exported")
            return
        has = known[name] | TARGET
        found += [f"{name} has no label {each.name}" for each in selector.matchers.matchers if each.name not in has]
        return
    if isinstance(node, promql.AggregateExpr) and node.modifier is not None:
        missing = set(node.modifier.labels) - _labels(node.expr, known)
        found += [f"nothing to group by {label}: {node.prettify()}" for label in sorted(missing)]
    for child in _children(node):
        _check(child, known, found)


def _labels(node: object, known: Mapping[str, frozenset[str]]) -> frozenset[str]:
    match node:
        case promql.VectorSelector() | promql.MatrixSelector():
            (selector,) = _selectors(node)
            return known.get(str(selector.name), frozenset()) | TARGET
        case promql.AggregateExpr():
            kept = frozenset(node.modifier.labels) if node.modifier is not None else frozenset()
            if node.modifier is not None and node.modifier.type == promql.AggModifierType.Without:
                return _labels(node.expr, known) - kept
            return kept
        case promql.BinaryExpr():
            left, right = _labels(node.lhs, known), _labels(node.rhs, known)
            if isinstance(node.rhs, promql.NumberLiteral):
                return left
            return right if isinstance(node.lhs, promql.NumberLiteral) else left
        case promql.Call() if node.func.name == "absent":
            return frozenset()  # but for what a plain selector in it says
        case promql.Call():
            removed = frozenset({"le"}) if node.func.name == "histogram_quantile" else frozenset()
            return frozenset().union(*(_labels(child, known) for child in node.args)) - removed
    return frozenset().union(*(_labels(child, known) for child in _children(node)))
