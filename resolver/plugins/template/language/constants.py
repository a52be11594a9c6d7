"""Numbers, texts and characters as they are written in templates."""

from __future__ import annotations

import re
from typing import Final

from resolver.plugins.template.language.values import TemplateError

_ESCAPE = re.compile(r"\\(?:([0-7]{3})|x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_PLAIN: Final = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"',
}  # fmt: skip
_LARGEST: Final = 2**63 - 1


def constant(kind: str, text: str) -> str | int | float:
    """The value of a token. Raises TemplateError."""
    if kind == "raw":
        return text[1:-1]
    if kind == "number":
        return _number(text)
    inside = _ESCAPE.sub(_unescape, text[1:-1])
    if kind == "string":
        return inside
    if len(inside) != 1:
        raise TemplateError(f"{text} is not one character")
    return ord(inside)


def _unescape(found: re.Match[str]) -> str:
    octal, *codes, char = found.groups()
    code = int(octal, 8) if octal else next((int(code, 16) for code in codes if code), -1)
    if code >= 0:
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise TemplateError(f"{found[0]} is not a character")
        return chr(code)
    if char not in _PLAIN:
        raise TemplateError(f"escape {found[0]} is not known")
    return _PLAIN[char]


def _number(text: str) -> int | float:
    digits = text.lstrip("+-")
    try:
        if len(digits) > 1 and digits[0] == "0" and digits.replace("_", "").isdigit():
            value: int | float = int(digits, 8)
        elif re.fullmatch(r"0[xXoObB].*|[0-9_]+", digits):
            value = int(digits, 0)
        else:
            value = float(digits)
    except ValueError:
        raise TemplateError(f"{text} is not a number") from None
    if isinstance(value, int) and value > _LARGEST:
        raise TemplateError(f"{text} is too large")
    return -value if text.startswith("-") else value
