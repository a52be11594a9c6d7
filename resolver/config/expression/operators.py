"""What the signs between values mean, and which kinds they take."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

from resolver.config.expression.model import (
    MOST_ITEMS,
    ExpressionError,
    Kind,
    is_number,
    kind_of,
    sized,
    whole,
)

_NUMBERS: Final = frozenset({Kind.INT, Kind.FLOAT})


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same; a truth value is no number."""
    if isinstance(left, bool) != isinstance(right, bool):
        return False
    return bool(left == right)


def result_kind(mark: str, left: Kind, right: Kind) -> Kind | None:
    """The kind that an operator gives for two kinds, None where it does not take them."""
    kinds = {left, right}
    known = kinds - {Kind.ANY}
    if mark in ("and", "or"):
        return Kind.BOOL if known <= {Kind.BOOL} else None
    if mark in ("==", "!="):
        return Kind.BOOL if len(known - {Kind.NIL}) <= 1 or known <= _NUMBERS else None
    if mark in ("<", ">", "<=", ">="):
        return Kind.BOOL if known <= _NUMBERS or known <= {Kind.STRING} else None
    if mark in ("matches", "contains", "startsWith", "endsWith"):
        return Kind.BOOL if known <= {Kind.STRING} else None
    if mark == "in":
        return Kind.BOOL if right in (Kind.ANY, Kind.LIST, Kind.MAP, Kind.NIL) else None
    if mark == "??":
        return left if left == right else Kind.ANY
    return _arithmetic_kind(mark, kinds, known)


def _arithmetic_kind(mark: str, kinds: set[Kind], known: set[Kind]) -> Kind | None:
    if mark == "..":
        return Kind.LIST if known <= {Kind.INT} else None
    if mark == "%":
        return Kind.INT if known <= {Kind.INT} else None
    if mark in ("/", "**"):
        return Kind.FLOAT if known <= _NUMBERS else None
    if mark == "+" and known == {Kind.STRING}:
        return Kind.STRING if kinds == known else Kind.ANY
    if not known <= _NUMBERS:
        return None
    return Kind.ANY if Kind.ANY in kinds else Kind.FLOAT if Kind.FLOAT in kinds else Kind.INT


def contains(item: Any, container: Any) -> bool:
    """``in``: an item of a list, or a key of a map."""
    if isinstance(container, list):
        return any(equal(item, one) for one in container)
    if isinstance(container, dict):
        return isinstance(item, str | int) and item in container
    if container is None:
        return False
    raise ExpressionError(f"in takes no {kind_of(container).value}")


def ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """A comparison of two numbers or two texts."""

    def run(left: Any, right: Any) -> bool:
        if (is_number(left) and is_number(right)) or (isinstance(left, str) and isinstance(right, str)):
            return compare(left, right)
        raise ExpressionError(f"{kind_of(left).value} and {kind_of(right).value} have no order")

    return run


def textual(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """A comparison of two texts; nothing is like anything."""

    def run(left: Any, right: Any) -> bool:
        if left is None or right is None:
            return False
        if isinstance(left, str) and isinstance(right, str):
            return compare(left, right)
        raise ExpressionError(f"{kind_of(left).value} and {kind_of(right).value} are not both texts")

    return run


def calculated(mark: str) -> Callable[[Any, Any], Any]:
    """``+ - *`` on numbers, and ``+`` on texts."""

    def run(left: Any, right: Any) -> Any:
        if mark == "+" and isinstance(left, str) and isinstance(right, str):
            return sized(left + right)
        if not (is_number(left) and is_number(right)):
            raise ExpressionError(f"{mark} takes no {kind_of(left).value} and {kind_of(right).value}")
        value = left + right if mark == "+" else left - right if mark == "-" else left * right
        return whole(value) if isinstance(value, int) else value

    return run


def divided(left: Any, right: Any) -> float:
    """``/``, which always gives a fraction."""
    _check_numbers("/", left, right)
    if not right:
        return math.nan if not left or left != left else math.inf if left > 0 else -math.inf
    return float(left) / float(right)


def remainder(left: Any, right: Any) -> int:
    """``%``, with the sign of the left side."""
    if type(left) is not int or type(right) is not int or not right:
        raise ExpressionError("% takes whole numbers, and not 0 on its right")
    rest = abs(left) % abs(right)
    return -rest if left < 0 else rest


def power(left: Any, right: Any) -> float:
    """``**``, which always gives a fraction."""
    _check_numbers("**", left, right)
    try:
        value = float(left) ** float(right)
    except (OverflowError, ZeroDivisionError):
        return math.inf
    return value if isinstance(value, float) else math.nan


def span(first: Any, last: Any) -> list[int]:
    """``..``: all whole numbers from the first to the last."""
    if type(first) is not int or type(last) is not int:
        raise ExpressionError(".. takes whole numbers")
    if last - first >= MOST_ITEMS:
        raise ExpressionError(f"a range has more than {MOST_ITEMS} numbers")
    return list(range(first, last + 1))


def _check_numbers(mark: str, left: Any, right: Any) -> None:
    if not (is_number(left) and is_number(right)):
        raise ExpressionError(f"{mark} takes no {kind_of(left).value} and {kind_of(right).value}")


BINARY: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": ordered(lambda left, right: left < right),
    ">": ordered(lambda left, right: left > right),
    "<=": ordered(lambda left, right: left <= right),
    ">=": ordered(lambda left, right: left >= right),
    "in": contains,
    "contains": textual(lambda left, right: right in left),
    "startsWith": textual(str.startswith),
    "endsWith": textual(str.endswith),
    "..": span,
    "+": calculated("+"),
    "-": calculated("-"),
    "*": calculated("*"),
    "/": divided,
    "%": remainder,
    "**": power,
}
