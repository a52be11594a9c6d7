"""What readers of directives use: arguments by count, words by kind, blocks by table. Every mistake points at its word.

A plugin's reader stays flat::

    OPTIONS = {"force_tcp": flag, "max_fails": value(integer, low=0), "policy": value(choice, ("random", "sequential"))}

    def parse(directive: Directive) -> Settings:
        zone = one_arg(directive)
        return Settings(normalize_zones(zone), **option_values(directive, OPTIONS))
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Concatenate, ParamSpec, TypeVar

from resolver.config.kinds import (
    choice,
    cidr,
    duration,
    host_port,
    integer,
    ip,
    percentage,
    rcode,
    record_type,
    size,
)
from resolver.config.model import Directive, Word
from resolver.config.nearest import nearest, shown
from resolver.config.problems import Problems
from resolver.errors import ConfigError

__all__ = [
    "args", "choice", "cidr", "duration", "each", "flag", "host_port", "integer", "ip", "no_args", "no_block",
    "one_arg", "option_values", "options", "percentage", "rcode", "record_type", "size", "text", "value",
]  # fmt: skip

P = ParamSpec("P")
T = TypeVar("T")


# --- arguments


def args(directive: Directive, at_least: int, at_most: int | None = None) -> tuple[Word, ...]:
    """The arguments, which must be so many; ``at_most`` None is any number. Raises ConfigError."""
    found = directive.args
    if len(found) < at_least:
        raise directive.error(f"{directive.name.text} needs {_arguments(at_least, at_most)}{_but(found)}")
    if at_most is not None and len(found) > at_most:
        hint = "its name alone switches it on" if found[0].text in ("true", "yes", "on") else ""
        raise found[at_most].error(f"{directive.name.text} takes {_arguments(at_least, at_most)}{_but(found)}", hint)
    return found


def no_args(directive: Directive) -> None:
    """Raises ConfigError where there are arguments."""
    args(directive, 0, 0)


def one_arg(directive: Directive) -> Word:
    """The only argument. Raises ConfigError."""
    return args(directive, 1, 1)[0]


def no_block(directive: Directive) -> None:
    """Raises ConfigError where there is a block, even an empty one."""
    if directive.block is not None:
        raise directive.error(f"{directive.name.text} takes no block")


def _arguments(at_least: int, at_most: int | None) -> str:
    if at_most == 0:
        return "no arguments"
    if at_most is None:
        return f"at least {at_least} argument{'s' * (at_least != 1)}"
    if at_least == at_most:
        return f"{at_least} argument{'s' * (at_least != 1)}"
    if at_least == 0:
        return f"at most {at_most} argument{'s' * (at_most != 1)}"
    return f"{at_least} to {at_most} arguments"


def _but(found: tuple[Word, ...]) -> str:
    return f", not {len(found)}" if found else ""


# --- blocks


def options(
    directive: Directive, handlers: Mapping[str, Callable[[Directive], object]], *, once: Collection[str] = ()
) -> None:
    """Hand every line of the block to the handler of its name; a name in ``once`` may be given once.

    The mistakes of all lines are raised together: one ConfigError, or ConfigErrors of several.
    """
    problems = Problems()
    seen: dict[str, Directive] = {}
    for option in directive.options:
        with problems:
            _option(directive, option, handlers, seen, once)
    problems.raise_any()


def _option(
    directive: Directive,
    option: Directive,
    handlers: Mapping[str, Callable[[Directive], object]],
    seen: dict[str, Directive],
    once: Collection[str],
) -> None:
    name = option.name.text
    handler = handlers.get(name)
    if handler is None:
        raise option.error(f"{directive.name.text} has no option {shown(name)}", nearest(name, handlers))
    first = seen.setdefault(name, option)
    if first is not option and name in once:
        raise option.error(f"{name} is already given in line {first.name.at.line}")
    handler(option)


def option_values(
    directive: Directive, readers: Mapping[str, Callable[[Directive], Any]], *, lists: Collection[str] = ()
) -> dict[str, Any]:
    """What the readers made of the lines of the block, by name; a name that is not there is not in the result.

    An option may be given once, unless it is in ``lists``: then its values, which must be tuples, are joined.
    """
    values: dict[str, Any] = {}

    def keep(option: Directive) -> None:
        name = option.name.text
        read = readers[name](option)
        values[name] = values.get(name, ()) + read if name in lists else read

    options(directive, dict.fromkeys(readers, keep), once=[name for name in readers if name not in lists])
    return values


# --- readers of one option


def flag(option: Directive) -> bool:
    """An option that is its own value: no arguments, no block."""
    no_args(option)
    no_block(option)
    return True


def value(kind: Callable[Concatenate[Word, P], T], *given: P.args, **named: P.kwargs) -> Callable[[Directive], T]:
    """The reader of an option with one argument of a kind: ``value(integer, 0, 10)``."""

    def read(option: Directive) -> T:
        no_block(option)
        return kind(one_arg(option), *given, **named)

    return read


def each(
    kind: Callable[Concatenate[Word, P], T], *given: P.args, **named: P.kwargs
) -> Callable[[Directive], tuple[T, ...]]:
    """The reader of an option with one argument or more, all of a kind."""

    def read(option: Directive) -> tuple[T, ...]:
        no_block(option)
        return tuple(kind(word, *given, **named) for word in args(option, 1))

    return read


def text(word: Word) -> str:
    """A word as it is, which must not be empty."""
    if not word.text:
        raise ConfigError("an argument cannot be empty", word.at, hint=word.note)
    return word.text
