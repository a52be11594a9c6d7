"""Functions of the language itself. Each raises ExpressionError for what it cannot take."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from resolver.config.expression.model import (
    LONGEST_TEXT,
    MOST_ITEMS,
    ExpressionError,
    Kind,
    is_number,
    kind_of,
    sized,
    whole,
)
from resolver.config.expression.operators import equal
from resolver.config.expression.predicates import check_sortable

ANY, BOOL, INT, FLOAT, STRING, LIST, MAP = (
    Kind.ANY, Kind.BOOL, Kind.INT, Kind.FLOAT, Kind.STRING, Kind.LIST, Kind.MAP,
)  # fmt: skip


class Builtin(NamedTuple):
    """A function, the kinds that it takes, the kind that it gives, and how many of the last arguments may be missing.

    Where ``endless``, any number of arguments of the last kind may follow.
    """

    call: Callable[..., Any]
    takes: tuple[Kind, ...]
    gives: Kind = ANY
    optional: int = 0
    endless: bool = False


def _len(value: Any) -> int:
    if isinstance(value, str | list | dict):
        return len(value)
    raise ExpressionError(f"len takes no {kind_of(value).value}")


def _trim(strip: Callable[[str, str | None], str]) -> Callable[..., str]:
    def run(text: str, marks: str = " \t\n\v\f\r\x85\xa0") -> str:
        return strip(text, marks)

    return run


def _trim_prefix(text: str, prefix: str = " ") -> str:
    return text.removeprefix(prefix)


def _trim_suffix(text: str, suffix: str = " ") -> str:
    return text.removesuffix(suffix)


def _split(text: str, separator: str, most: int = -1) -> list[str]:
    if most == 0:
        return []
    if not separator:
        parts = list(text)
        cut = len(parts) if most < 0 else most - 1
        parts = [*parts[:cut], "".join(parts[cut:])] if len(parts) > cut else parts
    else:
        parts = text.split(separator, -1 if most < 0 else most - 1)
    return list(sized(parts))


def _split_after(text: str, separator: str, most: int = -1) -> list[str]:
    parts = _split(text, separator, most)
    return [part + separator for part in parts[:-1]] + parts[-1:]


def _replace(text: str, old: str, new: str) -> str:
    if (text.count(old) + 1) * len(new) + len(text) > LONGEST_TEXT:
        raise ExpressionError("a text gets too long")
    return text.replace(old, new)


def _repeat(text: str, times: int) -> str:
    if times < 0 or len(text) * times > LONGEST_TEXT:
        raise ExpressionError(f"repeat cannot make {times} copies")
    return text * times


def _join(values: list[Any], between: str = "") -> str:
    if not all(isinstance(value, str) for value in values):
        raise ExpressionError("join takes a list of texts")
    if sum(map(len, values)) + len(between) * len(values) > LONGEST_TEXT:
        raise ExpressionError("a text gets too long")
    return between.join(values)


def _int(value: Any) -> int:
    try:
        if isinstance(value, str) and len(value) < 25 and value.isascii() and " " not in value and "_" not in value:
            number = int(value)
            if -(2**63) <= number < 2**63:
                return number
        elif is_number(value):
            return whole(int(value))
    except (ValueError, OverflowError):
        pass
    raise ExpressionError(f"int cannot read {str(value)[:50]!r}")


def _float(value: Any) -> float:
    try:
        if is_number(value) or (isinstance(value, str) and len(value) < 50 and "_" not in value):
            return float(value)
    except (ValueError, OverflowError):
        pass
    raise ExpressionError(f"float cannot read {str(value)[:50]!r}")


def text_of(value: Any) -> str:
    """A value as text, as ``string`` makes it."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return str(sized("[" + " ".join(map(text_of, value)) + "]"))
    if isinstance(value, dict):
        return str(sized("map[" + " ".join(f"{text_of(key)}:{text_of(value[key])}" for key in sorted(value)) + "]"))
    return str(value).removesuffix(".0")


def _number(name: str, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(value: Any) -> Any:
        if not is_number(value) or (isinstance(value, float) and not math.isfinite(value)):
            raise ExpressionError(f"{name} takes no {kind_of(value).value}")
        return change(value)

    return run


def _numbers(name: str, values: tuple[Any, ...]) -> list[Any]:
    flat = [one for value in values for one in (value if isinstance(value, list) else (value,))]
    if not flat or not all(map(is_number, flat)):
        raise ExpressionError(f"{name} takes numbers")
    return flat


def _max(*values: Any) -> Any:
    return max(_numbers("max", values))


def _min(*values: Any) -> Any:
    return min(_numbers("min", values))


def _mean(*values: Any) -> float:
    numbers = _numbers("mean", values)
    return float(sum(numbers)) / len(numbers)


def _median(*values: Any) -> float:
    numbers = sorted(_numbers("median", values))
    middle = len(numbers) // 2
    return float(numbers[middle]) if len(numbers) % 2 else (numbers[middle - 1] + numbers[middle]) / 2


def _get(value: Any, key: Any) -> Any:
    if isinstance(value, dict):
        return value.get(key) if isinstance(key, str | int) else None
    if isinstance(value, list) and type(key) is int and -len(value) <= key < len(value):
        return value[key]
    return None


def _take(values: list[Any], count: int) -> list[Any]:
    if count < 0:
        raise ExpressionError("take needs a number from 0")
    return values[:count]


def _uniq(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values[: MOST_ITEMS // 10]:
        if not any(equal(value, one) for one in found):
            found.append(value)
    return found


def _concat(*values: Any) -> list[Any]:
    return list(sized([item for value in values for item in value]))


def _flatten(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        found.extend(_flatten(value) if isinstance(value, list) else [value])
    return list(sized(found))


def _sort(values: list[Any], order: str = "asc") -> list[Any]:
    check_sortable(values)
    if order not in ("asc", "desc"):
        raise ExpressionError("an order is asc or desc")
    return sorted(values, reverse=order == "desc")


def _ceil(value: Any) -> float:
    return float(math.ceil(value))


def _floor(value: Any) -> float:
    return float(math.floor(value))


def _round(value: Any) -> float:
    return math.copysign(math.floor(abs(value) + 0.5), value)  # halves go away from zero


def _to_base64(text: str) -> str:
    return base64.b64encode(text.encode(errors="replace")).decode()


def _from_base64(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode(errors="replace")
    except (binascii.Error, ValueError):
        raise ExpressionError("fromBase64 was given something else") from None


def _shift(change: Callable[[int, int], int]) -> Callable[[int, int], int]:
    def run(value: int, count: int) -> int:
        if not 0 <= count < 64:
            raise ExpressionError("a shift is from 0 to 63 bits")
        return whole(change(value, count))

    return run


_TEXT, _TEXTS, _WHOLE = (STRING,), (STRING, STRING), (INT, INT)

BUILTINS: Final[Mapping[str, Builtin]] = {
    "len": Builtin(_len, (ANY,), INT),
    "lower": Builtin(str.lower, _TEXT, STRING), "upper": Builtin(str.upper, _TEXT, STRING),
    "trim": Builtin(_trim(str.strip), _TEXTS, STRING, 1),
    "trimPrefix": Builtin(_trim_prefix, _TEXTS, STRING, 1),
    "trimSuffix": Builtin(_trim_suffix, _TEXTS, STRING, 1),
    "split": Builtin(_split, (*_TEXTS, INT), LIST, 1), "splitAfter": Builtin(_split_after, (*_TEXTS, INT), LIST, 1),
    "replace": Builtin(_replace, (STRING, *_TEXTS), STRING), "repeat": Builtin(_repeat, (STRING, INT), STRING),
    "join": Builtin(_join, (LIST, STRING), STRING, 1),
    "indexOf": Builtin(str.find, _TEXTS, INT), "lastIndexOf": Builtin(str.rfind, _TEXTS, INT),
    "hasPrefix": Builtin(str.startswith, _TEXTS, BOOL), "hasSuffix": Builtin(str.endswith, _TEXTS, BOOL),
    "int": Builtin(_int, (ANY,), INT), "float": Builtin(_float, (ANY,), FLOAT),
    "string": Builtin(text_of, (ANY,), STRING),
    "abs": Builtin(_number("abs", abs), (ANY,)), "ceil": Builtin(_number("ceil", _ceil), (ANY,), FLOAT),
    "floor": Builtin(_number("floor", _floor), (ANY,), FLOAT),
    "round": Builtin(_number("round", _round), (ANY,), FLOAT),
    "max": Builtin(_max, (ANY,), endless=True), "min": Builtin(_min, (ANY,), endless=True),
    "mean": Builtin(_mean, (ANY,), FLOAT, endless=True), "median": Builtin(_median, (ANY,), FLOAT, endless=True),
    "first": Builtin(lambda values: values[0] if values else None, (LIST,)),
    "last": Builtin(lambda values: values[-1] if values else None, (LIST,)),
    "get": Builtin(_get, (ANY, ANY)), "take": Builtin(_take, (LIST, INT), LIST),
    "keys": Builtin(list, (MAP,), LIST), "values": Builtin(lambda pairs: list(pairs.values()), (MAP,), LIST),
    "toPairs": Builtin(lambda pairs: [[*pair] for pair in pairs.items()], (MAP,), LIST),
    "reverse": Builtin(lambda values: values[::-1], (LIST,), LIST), "uniq": Builtin(_uniq, (LIST,), LIST),
    "concat": Builtin(_concat, (LIST,), LIST, endless=True), "flatten": Builtin(_flatten, (LIST,), LIST),
    "sort": Builtin(_sort, (LIST, STRING), LIST, 1),
    "toBase64": Builtin(_to_base64, _TEXT, STRING), "fromBase64": Builtin(_from_base64, _TEXT, STRING),
    "bitand": Builtin(lambda a, b: a & b, _WHOLE, INT), "bitor": Builtin(lambda a, b: a | b, _WHOLE, INT),
    "bitxor": Builtin(lambda a, b: a ^ b, _WHOLE, INT), "bitnand": Builtin(lambda a, b: a & ~b, _WHOLE, INT),
    "bitnot": Builtin(lambda a: ~a, (INT,), INT), "bitshl": Builtin(_shift(lambda a, b: a << b), _WHOLE, INT),
    "bitshr": Builtin(_shift(lambda a, b: a >> b), _WHOLE, INT),
    "bitushr": Builtin(_shift(lambda a, b: (a % 2**64) >> b), _WHOLE, INT),
}  # fmt: skip

# These the reference has and we do not: what they give changes with time, or they are of no use for a query.
ELSEWHERE: Final = frozenset({
    "type", "now", "duration", "date", "timezone", "toJSON", "fromJSON", "fromPairs", "ago",
})  # fmt: skip
