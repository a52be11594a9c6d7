"""The text of an expression into tokens."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from resolver.config.expression.model import LONGEST, ExpressionError

_WORDS: Final = frozenset(
    {"and", "or", "not", "in", "matches", "contains", "startsWith", "endsWith", "let", "if", "else"}
)
_LITERALS: Final = frozenset({"true", "false", "nil"})
_TOKEN = re.compile(
    r"""
    (?P<space>\s+|//[^\n]*|/\*.*?\*/)
  | (?P<string>"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)
  | (?P<number>0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+
        |(?:[0-9][0-9_]*)?\.(?!\.)[0-9][0-9_]*(?:[eE][+-]?[0-9]+)?|[0-9][0-9_]*(?:[eE][+-]?[0-9]+)?)
  | (?P<pointer>\#[A-Za-z]*)
  | (?P<name>[A-Za-z_$][A-Za-z0-9_$]*)
  | (?P<mark>\?\?|\?\.|\?:|\*\*|\.\.|==|!=|<=|>=|&&|\|\||[-+*/%^<>!=?:.,;|()\[\]{}])
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|u\{([0-9a-fA-F]{1,6})\}|([0-7]{3})|(.))", re.DOTALL
)
_PLAIN: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"',
    "`": "`",
}  # fmt: skip


class Token(NamedTuple):
    """``kind`` is string, number, pointer, name, word (of the language), mark or end; ``at`` counts from 0."""

    kind: str
    text: str
    at: int


def tokens(source: str) -> list[Token]:
    """All tokens and an end. Raises ExpressionError."""
    if len(source) > LONGEST:
        raise ExpressionError(f"the expression is longer than {LONGEST} characters")
    found: list[Token] = []
    at = 0
    while at < len(source):
        match = _TOKEN.match(source, at)
        if match is None or match.lastgroup is None:
            what = "text is not closed" if source[at] in "\"'`" else f"unexpected {source[at]!r}"
            raise ExpressionError(f"{what}: {shown(source, at)}")
        kind = match.lastgroup
        if kind == "name" and match[0] in _WORDS:
            kind = "word"
        if kind != "space":
            found.append(Token(kind, match[0], at))
        at = match.end()
    found.append(Token("end", "", len(source)))
    return found


def shown(source: str, at: int) -> str:
    """The text around a place, for an error."""
    return source[max(0, at - 20) : at] + " >>> " + source[at : at + 40] if source[:at].strip() else source[:60]


def is_name(text: str) -> bool:
    """Whether a text can name a variable."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", text) is not None and text not in _WORDS | _LITERALS


def unquoted(text: str) -> str:
    """The text that a string token stands for. Raises ExpressionError."""
    return text[1:-1] if text[0] == "`" else _ESCAPE.sub(_unescape, text[1:-1])


def _unescape(found: re.Match[str]) -> str:
    short, four, eight, braced, octal, char = found.groups()
    digits = short or four or eight or braced
    if digits or octal:
        code = int(digits, 16) if digits else int(octal, 8)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise ExpressionError(f"{found[0]} is not a character")
        return chr(code)
    if char not in _PLAIN:
        raise ExpressionError(f"escape {found[0]} is not known")
    return _PLAIN[char]


def number(text: str) -> int | float:
    """The number that a token stands for. Raises ExpressionError."""
    plain = text.replace("_", "").lower()
    value = int(plain, 0) if plain[:2] in ("0x", "0b", "0o") else float(plain) if set(plain) & set(".e") else int(plain)
    if isinstance(value, int) and value >= 2**63:
        raise ExpressionError(f"{text} is too large")
    return value
