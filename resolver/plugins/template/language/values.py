"""What templates work with: text, numbers, truth, lists, maps and values with fields; and how each is written out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final, NamedTuple

from resolver.errors import ResolverError


class TemplateError(ResolverError):
    """A template that cannot be compiled, or cannot be filled in for a query."""


class _NoValue:
    """What a map gives for a key that it does not have."""

    def __bool__(self) -> bool:
        return False


NO_VALUE: Final = _NoValue()


class Method(NamedTuple):
    """A field that is called with arguments of these types."""

    call: Callable[..., Any]
    takes: tuple[type, ...] = ()


class Struct:
    """A value with fields. ``fields`` holds a getter or a ``Method`` for each; ``kind`` is what errors call it."""

    __slots__ = ()
    kind: ClassVar[str]
    fields: ClassVar[Mapping[str, Callable[[Any], Any] | Method]]


def truth(value: Any) -> bool:
    """Whether a condition holds: everything but zero, nothing and what is empty; a value with fields always."""
    return True if isinstance(value, Struct) else bool(value)


def shown(value: Any) -> str:
    """A value as a template writes it out."""
    if type(value) is str:
        return value
    if value is NO_VALUE:
        return "<no value>"
    return plain(value)


def plain(value: Any) -> str:
    """A value as ``printf "%v"`` writes it."""
    if value is True or value is False:
        return "true" if value else "false"
    if value is None or value is NO_VALUE:
        return "<nil>"
    if isinstance(value, float):
        return float_text(value)
    if isinstance(value, list):
        return "[" + " ".join(map(plain, value)) + "]"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{plain(key)}:{plain(value[key])}" for key in sorted_keys(value)) + "]"
    return str(value)


def sorted_keys(value: dict[Any, Any]) -> list[Any]:
    """The keys of a map in the order in which they are gone through."""
    return sorted(value, key=lambda key: (type(key).__name__, key))


def kind_of(value: Any) -> str:
    """The type of a value in the words of the language."""
    if value is None or value is NO_VALUE:
        return "nil"
    names = {bool: "bool", int: "int", float: "float64", str: "string", list: "slice", dict: "map"}
    return value.kind if isinstance(value, Struct) else names.get(type(value), "function")


def float_text(value: float) -> str:
    """The shortest text of a number that reads back the same, with an exponent from a million on."""
    if value != value or value in (float("inf"), float("-inf")):
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(value)]
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    high = len(digits) + int(exponent) - 1
    if not value or -4 <= high < 6:
        return repr(value).removesuffix(".0")
    mantissa = "".join(map(str, digits))
    point = "." if len(mantissa) > 1 else ""
    return f"{'-' * sign}{mantissa[0]}{point}{mantissa[1:]}e{high:+03d}"
