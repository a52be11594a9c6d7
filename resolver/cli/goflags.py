"""Flags as programs written in Go take them: one dash or two, ``-flag value`` or ``-flag=value``, ``-flag`` for yes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from resolver.config.nearest import nearest, shown
from resolver.errors import ResolverError

_TRUE = ("1", "t", "true")
_FALSE = ("0", "f", "false")


@dataclass(frozen=True, slots=True)
class Flag:
    """A flag. ``boolean`` ones need no value; ``names`` are other ways to write it."""

    name: str
    help: str
    default: str = ""
    value: str = ""
    names: tuple[str, ...] = ()

    @property
    def boolean(self) -> bool:
        """Whether it is yes or no."""
        return not self.value


@dataclass(frozen=True, slots=True)
class Given:
    """What was given, with the defaults for the rest. ``said`` are the names that stood on the command line."""

    values: Mapping[str, str]
    said: frozenset[str]

    def text(self, name: str) -> str:
        """The value as written."""
        return self.values[name]

    def yes(self, name: str) -> bool:
        """A boolean flag's value. Raises ResolverError."""
        text = self.values[name]
        if text.lower() not in (*_TRUE, *_FALSE):
            raise ResolverError(f"-{name}: {shown(text)} is neither true nor false")
        return text.lower() in _TRUE

    def number(self, name: str, low: int, high: int) -> int:
        """A whole number between two bounds. Raises ResolverError."""
        text = self.values[name]
        if not (text.isascii() and text.isdigit() and low <= int(text[:9]) <= high):
            raise ResolverError(f"-{name}: {shown(text)} is not a number from {low} to {high}")
        return int(text)


def read(flags: Sequence[Flag], arguments: Sequence[str]) -> Given:
    """Read a command line; of a flag given twice the last counts. Raises ResolverError."""
    known = {name: flag for flag in flags for name in (flag.name, *flag.names)}
    values = {flag.name: flag.default for flag in flags}
    said = set()
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-") or word in ("-", "--"):
            raise ResolverError(f"unexpected argument {shown(word)}: flags are written -flag value or -flag=value")
        name, equals, value = word.lstrip("-").partition("=")
        flag = known.get(name)
        if flag is None:
            hint = nearest(name, known)
            raise ResolverError(f"unknown flag -{name}" + (f" ({hint.replace('mean ', 'mean -')})" if hint else ""))
        if not equals:
            value = _next(flag, rest)
        values[flag.name] = value
        said.add(flag.name)
    return Given(values, frozenset(said))


def usage(flags: Sequence[Flag]) -> str:
    """One line or two for each flag."""
    lines = []
    for flag in flags:
        lines.append(f"  -{', -'.join((flag.name, *flag.names))}" + (f" {flag.value}" if flag.value else ""))
        lines.append(f"        {flag.help}" + (f" (default: {flag.default})" if flag.default else ""))
    return "\n".join(lines)


def _next(flag: Flag, rest: list[str]) -> str:
    """The value in the next word. A boolean flag takes one only if it reads as yes or no."""
    if flag.boolean:
        return rest.pop(0) if rest and rest[0].lower() in (*_TRUE, *_FALSE) else "true"
    if not rest:
        raise ResolverError(f"-{flag.name} needs a value")
    return rest.pop(0)
