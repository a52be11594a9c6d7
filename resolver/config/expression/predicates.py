"""Functions that ask something of each item of a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from resolver.config.expression.model import ExpressionError, Frame, Kind, Run, is_number, kind_of, sized, whole


class Loop(NamedTuple):
    """``call`` takes the list, the question (which takes an item and its index), and what else was given.

    ``boolean`` says that the question must be one of yes or no; ``asked`` that it cannot be left out.
    """

    call: Callable[..., Any]
    gives: Kind
    boolean: bool = False
    asked: bool = True
    most: int = 2


Ask = Callable[[Any, int], Any]


def asking(frame: Frame, question: Run) -> Ask:
    """The question as a function of an item and its index."""
    items = frame.items

    def ask(item: Any, index: int) -> Any:
        frame.step()
        items[-1][0], items[-1][1] = item, index
        return question(frame)

    return ask


def truth(value: Any) -> bool:
    """A truth value as it is. Raises ExpressionError for anything else."""
    if isinstance(value, bool):
        return value
    raise ExpressionError(f"a question about items gave {kind_of(value).value} in place of bool")


def _all(values: list[Any], ask: Ask) -> bool:
    return all(truth(ask(value, at)) for at, value in enumerate(values))


def _any(values: list[Any], ask: Ask) -> bool:
    return any(truth(ask(value, at)) for at, value in enumerate(values))


def _none(values: list[Any], ask: Ask) -> bool:
    return not _any(values, ask)


def _count(values: list[Any], ask: Ask | None = None) -> int:
    return sum([truth(value if ask is None else ask(value, at)) for at, value in enumerate(values)])


def _one(values: list[Any], ask: Ask) -> bool:
    return _count(values, ask) == 1


def _filter(values: list[Any], ask: Ask) -> list[Any]:
    return [value for at, value in enumerate(values) if truth(ask(value, at))]


def _map(values: list[Any], ask: Ask) -> list[Any]:
    return [ask(value, at) for at, value in enumerate(values)]


def _sum(values: list[Any], ask: Ask | None = None) -> Any:
    total: Any = 0
    for at, value in enumerate(values):
        number = value if ask is None else ask(value, at)
        if not is_number(number):
            raise ExpressionError(f"sum takes no {kind_of(number).value}")
        total += number
    return whole(total) if isinstance(total, int) else total


def _find(values: list[Any], ask: Ask) -> Any:
    return next((value for at, value in enumerate(values) if truth(ask(value, at))), None)


def _find_index(values: list[Any], ask: Ask) -> int:
    return next((at for at, value in enumerate(values) if truth(ask(value, at))), -1)


def _find_last(values: list[Any], ask: Ask) -> Any:
    at = _find_last_index(values, ask)
    return None if at < 0 else values[at]


def _find_last_index(values: list[Any], ask: Ask) -> int:
    return next((at for at in range(len(values) - 1, -1, -1) if truth(ask(values[at], at))), -1)


def _group_by(values: list[Any], ask: Ask) -> dict[Any, list[Any]]:
    groups: dict[Any, list[Any]] = {}
    for at, value in enumerate(values):
        key = ask(value, at)
        if not isinstance(key, str | int | float):
            raise ExpressionError(f"groupBy takes no {kind_of(key).value}")
        groups.setdefault(key, []).append(value)
    return groups


def _sort_by(values: list[Any], ask: Ask, order: Any = "asc") -> list[Any]:
    if order not in ("asc", "desc"):
        raise ExpressionError("an order is asc or desc")
    keys = [ask(value, at) for at, value in enumerate(values)]
    check_sortable(keys)
    ranked = sorted(range(len(values)), key=keys.__getitem__, reverse=order == "desc")
    return [values[at] for at in ranked]


def check_sortable(values: list[Any]) -> None:
    """Raises ExpressionError unless all are numbers or all are texts."""
    if not (all(map(is_number, values)) or all(isinstance(value, str) for value in values)):
        raise ExpressionError("only numbers or texts can be sorted")


PREDICATES: Final = {
    "all": Loop(_all, Kind.BOOL, boolean=True), "any": Loop(_any, Kind.BOOL, boolean=True),
    "none": Loop(_none, Kind.BOOL, boolean=True), "one": Loop(_one, Kind.BOOL, boolean=True),
    "filter": Loop(_filter, Kind.LIST, boolean=True), "map": Loop(_map, Kind.LIST),
    "count": Loop(_count, Kind.INT, boolean=True, asked=False), "sum": Loop(_sum, Kind.ANY, asked=False),
    "find": Loop(_find, Kind.ANY, boolean=True), "findIndex": Loop(_find_index, Kind.INT, boolean=True),
    "findLast": Loop(_find_last, Kind.ANY, boolean=True),
    "findLastIndex": Loop(_find_last_index, Kind.INT, boolean=True),
    "groupBy": Loop(_group_by, Kind.MAP), "sortBy": Loop(_sort_by, Kind.LIST, most=3),
    "reduce": Loop(_find, Kind.ANY, most=3),  # the compiler takes ``reduced``, since it needs an accumulator
}  # fmt: skip


def reduced(frame: Frame, values: list[Any], question: Run, start: list[Any]) -> Any:
    """``reduce``: the question is asked with what it gave before as ``#acc``, at first ``start`` or the first item."""
    items = list(enumerate(values))
    if not start:
        if not items:
            raise ExpressionError("reduce of an empty list needs a start")
        start = [items.pop(0)[1]]
    frame.items.append([None, 0, start[0]])
    for at, value in items:
        frame.step()
        frame.items[-1][0], frame.items[-1][1] = value, at
        result = question(frame)
        frame.items[-1][2] = sized(result) if isinstance(result, str | list) else result
    return frame.items.pop()[2]
