"""The syntax tree that both syntaxes share: what was written, comments included, nothing filled in yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from resolver.config.model import Word
from resolver.errors import Place


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a line of its own; ``text`` is what follows the ``#``."""

    text: str
    at: Place


@dataclass(frozen=True, slots=True)
class Line:
    """A directive, an option or an import: words, of which the first is the name, perhaps a block.

    ``block`` is None without braces. ``comment`` is the comment at the end of the line, without its ``#``.
    """

    words: tuple[Word, ...]
    block: tuple[Node, ...] | None = None
    comment: str | None = None

    @property
    def name(self) -> Word:
        return self.words[0]

    @property
    def at(self) -> Place:
        return self.words[0].at


@dataclass(frozen=True, slots=True)
class Block:
    """A server block: its keys and its body."""

    keys: tuple[Word, ...]
    body: tuple[Node, ...]
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class Snippet:
    """Lines under a name, to be imported."""

    name: Word
    body: tuple[Node, ...]
    comment: str | None = None


# What some editors put at the beginning of a file.
BYTE_ORDER_MARK = "\ufeff"

Node: TypeAlias = Comment | Line
Item: TypeAlias = Comment | Line | Block | Snippet
Tree: TypeAlias = tuple[Item, ...]


def snippets(tree: Tree) -> Iterator[Snippet]:
    """The snippets that a file defines."""
    return (item for item in tree if isinstance(item, Snippet))


def names_a_snippet(key: Word) -> bool:
    """Whether the only key of a block is a name in parentheses."""
    return not key.quoted and key.text.startswith("(") and key.text.endswith(")")


def split_keys(words: Iterable[Word], keys: list[Word]) -> bool:
    """Add the zones of a line, cut at commas, to ``keys``; whether a comma ends the line."""
    goes_on = False
    for word in words:
        if word.quoted or "," not in word.text or "\\," in word.text:
            keys.append(word)
            goes_on = False
            continue
        start = 0
        for part in word.text.split(","):
            if part:
                at = replace(word.at, column=word.at.column + start)
                keys.append(replace(word, text=part, at=at, width=len(part)))
            start += len(part) + 1
        goes_on = word.text.endswith(",") and bool(keys)
    return goes_on
