"""A template taken apart. Each node can say itself as it is known to metrics: without spaces that mean nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Constant:
    """A number, text, truth value or nil; ``text`` is how it was written."""

    value: Any
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Dot:
    """The present value."""

    def __str__(self) -> str:
        return "."


@dataclass(frozen=True, slots=True)
class Field:
    """Fields of a value, one of another: of the present one (``base`` None) or of what ``base`` gives."""

    base: Variable | Pipe | None
    names: tuple[str, ...]

    def __str__(self) -> str:
        start = f"({self.base})" if isinstance(self.base, Pipe) else str(self.base or "")
        return start + "".join("." + name for name in self.names)


@dataclass(frozen=True, slots=True)
class Variable:
    """``$`` or ``$name``."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Function:
    """A function by name."""

    name: str

    def __str__(self) -> str:
        return self.name


Operand: TypeAlias = "Constant | Dot | Field | Variable | Function | Pipe"


@dataclass(frozen=True, slots=True)
class Command:
    """An operand and what it is given."""

    operands: tuple[Operand, ...]

    def __str__(self) -> str:
        return " ".join(f"({one})" if isinstance(one, Pipe) else str(one) for one in self.operands)


@dataclass(frozen=True, slots=True)
class Pipe:
    """Commands, each given the result of the one before; the last result may go into variables."""

    commands: tuple[Command, ...]
    variables: tuple[str, ...] = ()
    assigns: bool = False

    def __str__(self) -> str:
        target = ", ".join(self.variables) + (" = " if self.assigns else " := ") if self.variables else ""
        return target + " | ".join(map(str, self.commands))


@dataclass(frozen=True, slots=True)
class Text:
    """What stands outside of actions."""

    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Action:
    """A pipeline whose result is written out, unless it goes into a variable."""

    pipe: Pipe

    def __str__(self) -> str:
        return f"{{{{{self.pipe}}}}}"


@dataclass(frozen=True, slots=True)
class Branch:
    """``if``, ``with`` or ``range``."""

    word: str
    pipe: Pipe
    body: Body
    otherwise: Body | None = None

    def __str__(self) -> str:
        other = "" if self.otherwise is None else f"{{{{else}}}}{self.otherwise}"
        return f"{{{{{self.word} {self.pipe}}}}}{self.body}{other}{{{{end}}}}"


@dataclass(frozen=True, slots=True)
class Jump:
    """``break`` or ``continue``."""

    word: str

    def __str__(self) -> str:
        return f"{{{{{self.word}}}}}"


@dataclass(frozen=True, slots=True)
class Call:
    """``template``: another template by name, with a value for its dot."""

    name: str
    quoted: str
    pipe: Pipe | None

    def __str__(self) -> str:
        return f"{{{{template {self.quoted}{'' if self.pipe is None else f' {self.pipe}'}}}}}"


Node: TypeAlias = Text | Action | Branch | Jump | Call


@dataclass(frozen=True, slots=True)
class Body:
    """Nodes in a row."""

    nodes: tuple[Node, ...] = ()

    def __str__(self) -> str:
        return "".join(map(str, self.nodes))


@dataclass(slots=True)
class Tree:
    """A whole template and those that it defines by name."""

    body: Body = field(default_factory=Body)
    defined: dict[str, Body] = field(default_factory=dict)
