"""The mistakes of a configuration as a person reads them: place, message, the line with the word underlined, a hint."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from resolver.config.files import DISK
from resolver.config.syntax import BYTE_ORDER_MARK
from resolver.errors import ConfigError, ConfigErrors, Place

MAX_WIDTH = 120
_MARGIN = "    "


def render(errors: ConfigError | ConfigErrors, *, read: Callable[[str], bytes] = DISK.read) -> str:
    """Plain text, one paragraph for each mistake. ``read`` gives the source again and may raise OSError."""
    sources: dict[str, list[str]] = {}

    def line_of(at: Place) -> str | None:
        if at.file not in sources:
            sources[at.file] = _lines(at.file, read)
        lines = sources[at.file]
        return lines[at.line - 1] if at.line <= len(lines) else None

    found = errors.errors if isinstance(errors, ConfigErrors) else (errors,)
    return "".join(_paragraph(error, line_of) for error in found)


def _lines(file: str, read: Callable[[str], bytes]) -> list[str]:
    try:
        return read(file).decode("utf-8", "replace").removeprefix(BYTE_ORDER_MARK).split("\n")
    except OSError:
        return []


def _paragraph(error: ConfigError, line_of: Callable[[Place], str | None]) -> str:
    where = f"{error.at}: " if error.at else ""
    about = f"{error.directive}: " if error.directive not in error.message else ""
    out = [_visible(f"{where}{about}{error.message}")]
    line = line_of(error.at) if error.at else None
    if error.at is not None and line is not None:
        out += _excerpt(line.rstrip(), error.at.column - 1, error.length)
    if error.hint:
        out.append(f"{_MARGIN}hint: {_visible(error.hint)}")
    return "\n".join(out) + "\n"


def _excerpt(line: str, start: int, length: int) -> list[str]:
    """The part of the line around the word, and the line below it."""
    start = min(start, len(line))
    cut = max(0, start - MAX_WIDTH // 2) if len(line) > MAX_WIDTH else 0
    shown = line[cut : cut + MAX_WIDTH]
    before, word = shown[: start - cut], shown[start - cut : start - cut + length]
    dots, behind = "..." * bool(cut), "..." * (cut + MAX_WIDTH < len(line))
    pad = " " * len(dots) + "".join("\t" if char == "\t" else " " * _width(char) for char in before)
    tildes = "~" * (sum(_width(char) for char in word) - 1)
    return [f"{_MARGIN}{dots}{_visible(shown)}{behind}", f"{_MARGIN}{pad}^{tildes}"]


def _width(char: str) -> int:
    """How many cells a terminal gives to a character."""
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _visible(text: str) -> str:
    """Characters that steer a terminal or turn the direction of text become question marks."""
    return "".join("?" if unicodedata.category(char) in ("Cc", "Cf", "Cs") and char != "\t" else char for char in text)
