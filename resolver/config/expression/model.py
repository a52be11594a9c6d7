"""What is shared by all steps from the text of an expression to its value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias

from resolver.errors import ResolverError

LONGEST: Final = 10_000  # characters of an expression
DEEPEST: Final = 50  # levels of an expression
MOST_STEPS: Final = 100_000  # rounds of all loops of one run
MOST_ITEMS: Final = 10_000  # of a list
LONGEST_TEXT: Final = 100_000  # characters


class ExpressionError(ResolverError):
    """An expression that means nothing, or has no value for a subject."""


class Kind(Enum):
    """The type of a value, as far as it is known before there is one."""

    ANY = "any"
    BOOL = "bool"
    INT = "int"
    FLOAT = "float"
    STRING = "string"
    LIST = "array"
    MAP = "map"
    NIL = "nil"


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the caller: it is called with the subject and arguments of these kinds.

    ``personal`` says that what it gives may differ between clients that send the same octets.
    """

    call: Callable[..., Any]
    takes: tuple[Kind, ...] = ()
    gives: Kind = Kind.ANY
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Environment:
    """What an expression may name: functions, and variables that are given by name when it is run."""

    functions: Mapping[str, Function]
    variables: Mapping[str, Kind] = field(default_factory=dict)


class Frame:
    """One run: the subject, variables of the caller and of the expression, what loops are at, and how much is left."""

    __slots__ = ("items", "left", "slots", "subject", "variables")

    def __init__(self, subject: Any, slots: int, variables: Mapping[str, Any]) -> None:
        self.subject = subject
        self.variables = variables
        self.slots: list[Any] = [None] * slots
        self.items: list[list[Any]] = []  # item, index and accumulator of each loop around
        self.left = MOST_STEPS

    def made(self, value: Any) -> Any:
        """Count a text or list that was made by its length; the value as it is."""
        if isinstance(value, str | list):
            self.step(1 + len(value) // 100)
        return value

    def step(self, cost: int = 1) -> None:
        """Count one round of a loop."""
        self.left -= cost
        if self.left < 0:
            raise ExpressionError(f"the expression takes more than {MOST_STEPS} steps")


Run: TypeAlias = Callable[[Frame], Any]


@dataclass(slots=True)
class Code:
    """A compiled piece: how to run it, the kind that it gives, and whether it is always the same or personal."""

    run: Run
    kind: Kind = Kind.ANY
    constant: bool = False
    personal: bool = False


def kind_of(value: Any) -> Kind:
    """The kind of a value."""
    if value is None:
        return Kind.NIL
    return _KINDS.get(type(value), Kind.ANY)


_KINDS: Final = {
    bool: Kind.BOOL, int: Kind.INT, float: Kind.FLOAT, str: Kind.STRING, list: Kind.LIST, dict: Kind.MAP,
}  # fmt: skip


def is_number(value: Any) -> bool:
    """Whether a value can be counted with."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def whole(value: int) -> int:
    """A whole number as 64 bits hold it: what is too large begins again at the other end."""
    return value if -(2**63) <= value < 2**63 else (value + 2**63) % 2**64 - 2**63


def sized(value: Any) -> Any:
    """A text or list as it is. Raises ExpressionError where it is too long."""
    if len(value) > (LONGEST_TEXT if isinstance(value, str) else MOST_ITEMS):
        raise ExpressionError("a text or list gets too long")
    return value
