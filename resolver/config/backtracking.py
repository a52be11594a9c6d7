"""What Python's own regular expressions may be trusted with, and RE2's spelling in theirs.

Python's matching goes back and tries again, so a pattern is refused where the number of tries could explode.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import Final

_MAX_UNBOUNDED: Final = 3  # each one may multiply the work by the length of the text
_MAX_CHOICES: Final = 12  # each one may double it
_MAX_COUNT: Final = 1000  # as in RE2

_REPEAT = re.compile(r"[*+?]|\{(\d{1,9})(,?)(\d{0,9})\}")
_CLASS = re.compile(r"\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]", re.DOTALL)
_GROUP = re.compile(r"\((?:\?(?:P?<\w+>|[a-zA-Z-]*:|[a-zA-Z-]+(?=\))|(?P<around><?[=!]|P=|P>|>|\()))?")
_POSIX: Final = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": "\\x00-\\x7F", "blank": "\\t ", "cntrl": "\\x00-\\x1F\\x7F",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\v\\f\\r ", "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip


class NeedsLinearTime(re.error):
    """A pattern that RE2 would take."""


def compile_checked(text: str) -> re.Pattern[str]:
    """The pattern in RE2 syntax as far as Python has it. Raises re.error, OverflowError or RecursionError."""
    _Check(text).run()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python muses about sets that may mean something else one day
        return re.compile(_in_python(text), re.ASCII)


@dataclass(slots=True)
class _Group:
    varies: bool = False  # it can match the same text in several ways
    branches: bool = False


class _Check:
    """Walks over a pattern and raises re.error for what could run away or what RE2 does not know."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.repeated = -1  # where the last repetition ended
        self.stack = [_Group()]
        self.atom: _Group | None = None
        self.unbounded = self.choices = 0

    def run(self) -> None:
        while self.at < len(self.text):
            repeat = _REPEAT.match(self.text, self.at)
            if repeat is not None:
                self._repeat(repeat)
            else:
                self._step(self.text[self.at])
        if self.unbounded > _MAX_UNBOUNDED:
            raise NeedsLinearTime(f"it has more than {_MAX_UNBOUNDED} repetitions without an end")
        if self.choices > _MAX_CHOICES:
            raise NeedsLinearTime(f"it has more than {_MAX_CHOICES} choices")

    def _step(self, char: str) -> None:
        self.atom = None
        if char == "\\":
            self._escape(self.text[self.at + 1 : self.at + 2])
        elif char == "[":
            found = _CLASS.match(self.text, self.at)
            if found is None:
                raise re.error("missing closing ]")
            self.at = found.end()
        elif char == "(":
            self._open()
        else:
            if char == ")":
                self._close()
            elif char == "|":
                self.stack[-1].branches = True
            self.at += 1

    def _escape(self, char: str) -> None:
        if char in "pPQE" and char:
            raise NeedsLinearTime(f"\\{char} is not supported")
        if char in "123456789kgC" and char:
            raise re.error(f"\\{char} is not supported")
        self.at += 2

    def _open(self) -> None:
        found = _GROUP.match(self.text, self.at)
        unknown = found is None or (self.text.startswith("(?", self.at) and found.end() == self.at + 1)
        if found is None or unknown or found["around"]:
            raise re.error("this kind of group is not supported")
        self.stack.append(_Group())
        self.at = found.end()

    def _close(self) -> None:
        if len(self.stack) == 1:
            raise re.error("unexpected )")
        group = self.stack.pop()
        if group.branches:
            self.choices += 1
            group.varies = True
        self.stack[-1].varies |= group.varies
        self.atom = group

    def _repeat(self, found: re.Match[str]) -> None:
        if self.at == self.repeated:
            raise re.error("multiple repeat")
        least, comma, most = found[1], found[2], found[3]
        if int(most or least or 0) > _MAX_COUNT:
            raise re.error(f"it repeats more than {_MAX_COUNT} times")
        once = found[0] == "?"
        if self.atom is not None and self.atom.varies and not once:
            raise NeedsLinearTime("a repetition holds another one, or a choice")
        endless = found[0] in "*+" or (comma and not most)
        self.unbounded += bool(endless)
        self.choices += not endless and (once or bool(comma and most != least))
        self.stack[-1].varies |= bool(endless or once or comma)
        self.at = found.end()
        if self.text.startswith("?", self.at):  # fewest first: the same set of tries in another order
            self.at += 1
        self.repeated = self.at
        self.atom = None


def _in_python(text: str) -> str:
    """RE2's spelling of what Python spells in another way."""
    text = re.sub(r"(?<!\\)((?:\\\\)*)\\z", r"\1\\Z", text)
    text = re.sub(r"\(\?<(?=\w)", "(?P<", text)
    text = re.sub(r"\{(?=,\d*\})", r"\\{", text)  # only Python takes {,5} for a repetition
    return re.sub(r"\[:(\^?)(\w+):\]", _posix_class, text)


def _posix_class(found: re.Match[str]) -> str:
    if found[2] not in _POSIX:
        raise re.error(f"{found[0]} is not supported")
    if found[1]:
        raise NeedsLinearTime(f"{found[0]} is not supported")
    return _POSIX[found[2]]
