"""An expression taken apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Name:
    name: str
    at: int


@dataclass(frozen=True, slots=True)
class Pointer:
    """``#`` (item), ``#index`` or ``#acc`` of the loop around."""

    part: int
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    given: tuple[Node, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Unary:
    mark: str
    value: Node
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    mark: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True, slots=True)
class Conditional:
    condition: Node
    then: Node
    otherwise: Node
    at: int


@dataclass(frozen=True, slots=True)
class Member:
    """``base[key]`` and ``base.key``; where ``optional``, nothing of nothing is nothing."""

    base: Node
    key: Node
    at: int
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """``base[first:last]``."""

    base: Node
    first: Node | None
    last: Node | None
    at: int


@dataclass(frozen=True, slots=True)
class Listing:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    pairs: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Let:
    name: str
    value: Node
    body: Node
    at: int


Node: TypeAlias = (
    Literal | Name | Pointer | Call | Unary | Binary | Conditional | Member | Cut | Listing | Mapping | Let
)
