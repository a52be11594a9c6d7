"""HTML that is made of elements, so that no text gets into it unescaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

_VOID = frozenset({"meta", "rect", "line", "wbr"})
_SEAMS = re.compile(r"(?<=[./])(?=.)")


class Markup(str):
    """Text that is HTML already; only this module makes it from other text."""

    __slots__ = ()


def element(tag: str, *content: str | Iterable[str], **attributes: str | float | None) -> Markup:
    """An element. Content that is no Markup is escaped; an attribute's underscores are hyphens, ``class_`` is class."""
    words = "".join(
        f' {name.rstrip("_").replace("_", "-")}="{safe(str(value))}"'
        for name, value in attributes.items()
        if value is not None
    )
    if tag in _VOID:
        return Markup(f"<{tag}{words}/>")
    return Markup(f"<{tag}{words}>{joined(content)}</{tag}>")


def joined(content: Iterable[str | Iterable[str]]) -> Markup:
    """Pieces one after the other, escaped where they are no Markup."""
    return Markup("".join(_piece(one) if isinstance(one, str) else joined(one) for one in content))


def _piece(text: str) -> str:
    return text if isinstance(text, Markup) else safe(text)


def safe(text: str) -> str:
    """Escaped, and without what is no character of HTML or turns the text around it."""
    if not text.isprintable():
        text = "".join(one if one.isprintable() else f"\\u{ord(one):04x}" for one in text)
    return escape(text, quote=True)


def breakable(text: str) -> Markup:
    """Text that rather goes to a new line behind a dot or a slash than anywhere."""
    pieces = _SEAMS.split(text)
    rest = (joined((element("wbr"), piece)) for piece in pieces[1:])
    return joined((pieces[0], rest))


def style(text: str) -> Markup:
    """A style sheet of ours. It is not escaped, so nothing from a log may be in it."""
    return Markup(f"<style>{text}</style>")
