"""A template into text and actions, actions into tokens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from resolver.plugins.template.language.values import TemplateError

LONGEST: Final = 10_000

_SPACE: Final = " \t\r\n"
_TOKEN = re.compile(
    r"""
    (?P<space>[ \t\r\n]+)
  | (?P<string>"(?:[^"\\\n]|\\.)*")
  | (?P<raw>`[^`]*`)
  | (?P<char>'(?:[^'\\\n]|\\[^\n][^'\n]*)')
  | (?P<number>[+-]?(?:\.[0-9][0-9_]*(?:[eE][+-]?[0-9]+)?|0[xXoObB][0-9a-fA-F_]+
        |[0-9][0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9]+)?))
  | (?P<field>\.[^\W\d]\w*)
  | (?P<dot>\.)
  | (?P<variable>\$\w*)
  | (?P<word>[^\W\d]\w*)
  | (?P<mark>:=|[=|(),])
    """,
    re.VERBOSE,
)


class Token(NamedTuple):
    """A piece of an action; ``kind`` is the name of its group above."""

    kind: str
    text: str


def split(source: str) -> Iterator[str | list[Token]]:
    """Text and the tokens of each action in turn, comments left out, text trimmed where actions ask for it.

    Raises TemplateError.
    """
    if len(source) > LONGEST:
        raise TemplateError(f"template is longer than {LONGEST} characters")
    at, trims = 0, False
    while True:
        start = source.find("{{", at)
        text = source[at:] if start < 0 else source[at:start]
        if trims:
            text = text.lstrip(_SPACE)
        if start < 0:
            yield text
            return
        inside = start + 2
        if source.startswith("-", inside) and source[inside + 1 : inside + 2] in (*_SPACE,):
            text, inside = text.rstrip(_SPACE), inside + 1
        yield text
        tokens, at, trims = _action(source, inside)
        if tokens is not None:
            yield tokens


def _action(source: str, at: int) -> tuple[list[Token] | None, int, bool]:
    """The tokens of an action (None for a comment), where it ends, and whether it trims what follows."""
    comment = re.compile(r"[ \t\r\n]*/\*.*?\*/", re.DOTALL).match(source, at)
    if comment is not None:
        trims, end = _end(source, comment.end())
        if end < 0:
            raise TemplateError("a comment must end right before }}")
        return None, end, trims
    tokens: list[Token] = []
    while True:
        trims, end = _end(source, at)
        if end >= 0:
            return tokens, end, trims
        found = _TOKEN.match(source, at)
        if found is None or found.lastgroup is None:
            raise TemplateError(_unreadable(source, at))
        tokens.append(Token(found.lastgroup, found[0]))
        at = found.end()


def _end(source: str, at: int) -> tuple[bool, int]:
    """Whether the action ends here with a trim marker, and where what follows begins; -1 where it does not end."""
    if source.startswith("}}", at):
        return False, at + 2
    if at < len(source) and source[at] in _SPACE:
        rest = at + 1
        while rest < len(source) and source[rest] in _SPACE:
            rest += 1
        if source.startswith("-}}", rest):
            return True, rest + 3
    return False, -1


def _unreadable(source: str, at: int) -> str:
    start = source.rfind("{{", 0, at)
    if at >= len(source):
        return f"action is not closed with }}}}: {source[start : start + 60]}"
    if source[at] in "\"'`":
        return f"text is not closed in action: {source[start : start + 60]}"
    return f"unexpected {source[at]!r} in action: {source[start : start + 60]}"
