"""Regular expressions of operators: Go's dialect, and nothing that could run away.

They are matched by RE2 where ``google-re2`` is installed (the extra ``regex``): it is the dialect that Corefiles are
written in, and its time grows with the length of the text only. Python's own engine stands in for it and takes what
cannot keep it busy.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from typing import Any, Final, Protocol

from resolver.config.backtracking import NeedsLinearTime, compile_checked
from resolver.config.model import Word
from resolver.errors import ConfigError

MAX_LENGTH: Final = 10_000
MAX_TEXT: Final = 1_024  # as long as a name gets whose every octet is written as an escape
_SHOWN: Final = 80
_HINT: Final = "pip install 'k8s-resolver[regex]' adds RE2, which takes it"


class Pattern(Protocol):
    """A regular expression; looks for itself in the first 1,024 characters of a text.

    ``pattern`` is how it was written, ``count`` how many groups it has, ``names`` the number of each named one.
    """

    pattern: str
    count: int
    names: dict[str, int]

    def found(self, text: str) -> bool:
        """Whether it is found."""

    def groups(self, text: str) -> tuple[str, ...] | None:
        """What was found first, then each group of it, empty where a group took no part; None where nothing was."""


def compiled(word: Word) -> Pattern:
    """The pattern by the best engine that is installed. Raises ConfigError."""
    return checked(word) if _re2() is None else linear(word)


def matches(pattern: Pattern, text: str) -> bool:
    """Whether the pattern is found in the first 1,024 characters of ``text``."""
    return pattern.found(text)


def linear(word: Word) -> Pattern:
    """The pattern by RE2. Raises ConfigError; ImportError where ``google-re2`` is not installed."""
    re2 = _re2()
    if re2 is None:
        raise ImportError("google-re2 is not installed")
    _check_length(word)
    options = re2.Options()
    options.log_errors = False
    try:
        return _Linear(word.text, re2.compile(word.text, options))
    except (re2.error, UnicodeError) as error:
        raise _unusable(word, _reason(error)) from None


def checked(word: Word) -> Pattern:
    """The pattern by Python's engine, where that cannot take long. Raises ConfigError."""
    _check_length(word)
    try:
        return _Checked(word.text, compile_checked(word.text))
    except (re.error, OverflowError, RecursionError) as error:
        hint = _HINT if isinstance(error, NeedsLinearTime) else ""
        raise _unusable(word, str(error) or type(error).__name__, hint) from None


class _Linear:
    """Text is handed over as octets: half the time of characters, whose places RE2's wrapper would have to count."""

    __slots__ = ("_search", "count", "names", "pattern")

    def __init__(self, text: str, regexp: Any) -> None:
        self.pattern = text
        self.count: int = regexp.groups
        self.names: dict[str, int] = regexp.groupindex
        self._search = regexp.search

    def found(self, text: str) -> bool:
        return self._search(text[:MAX_TEXT].encode(errors="replace")) is not None

    def groups(self, text: str) -> tuple[str, ...] | None:
        match = self._search(text[:MAX_TEXT].encode(errors="replace"))
        if match is None:
            return None
        return tuple([octets.decode(errors="replace") for octets in (match.group(), *match.groups(b""))])


class _Checked:
    __slots__ = ("_search", "count", "names", "pattern")

    def __init__(self, text: str, regexp: re.Pattern[str]) -> None:
        self.pattern = text
        self.count = regexp.groups
        self.names = dict(regexp.groupindex)
        self._search = regexp.search

    def found(self, text: str) -> bool:
        return self._search(text[:MAX_TEXT]) is not None

    def groups(self, text: str) -> tuple[str, ...] | None:
        match = self._search(text[:MAX_TEXT])
        return None if match is None else (match.group(), *match.groups(""))


@cache
def _re2() -> Any:
    """The module, None where it is not installed; imported when the first pattern is compiled."""
    try:
        return import_module("re2")
    except ImportError:
        return None


def _check_length(word: Word) -> None:
    if len(word.text) > MAX_LENGTH:
        raise word.error(f"regexp is longer than {MAX_LENGTH} characters")


def _reason(error: Exception) -> str:
    message = error.args[0] if error.args else error
    return message.decode(errors="replace") if isinstance(message, bytes) else str(message)


def _unusable(word: Word, reason: str, hint: str = "") -> ConfigError:
    shown = word.text if len(word.text) < _SHOWN else word.text[:_SHOWN] + "..."
    return word.error(f"cannot use regexp {shown!r}: {reason}", hint)
