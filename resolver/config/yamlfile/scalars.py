"""Texts as YAML scalars: plain where that is safe for every reader of YAML, in quotes otherwise."""

from __future__ import annotations

import re

# What other readers of YAML take for a boolean or nothing is put in quotes, although it is a text here.
_NOT_PLAIN = re.compile(r"(?i:null|true|false|yes|no|on|off|y|n|~|)|<<")
_PLAIN = re.compile(r"[A-Za-z0-9_./(][A-Za-z0-9_./:+=%*$()^|~@<>\\\- ]*")
_PLAIN_IN_FLOW = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./+%*$^|~@<>\\-]*(?: [A-Za-z0-9_./+%*$^|~@<>\\-]+)*")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def scalar(text: str, *, flow: bool = False) -> str:
    """The scalar for a text, on one line; ``flow`` where it stands between brackets or braces."""
    if _is_plain(text, flow):
        return text
    if '"' in text and "'" not in text and text.isascii() and text.isprintable():
        return f"'{text}'"
    return '"' + "".join(_escaped(char) for char in text) + '"'


def comment_text(text: str) -> str:
    """A comment's text without what ends a line or is not allowed in YAML."""
    return "".join(char if char.isprintable() or char == "\t" else " " for char in text).rstrip()


def _is_plain(text: str, flow: bool) -> bool:
    pattern = _PLAIN_IN_FLOW if flow else _PLAIN
    if not pattern.fullmatch(text) or _NOT_PLAIN.fullmatch(text):
        return False
    return not (": " in text or text[-1] in ": " or text.startswith("..."))


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
