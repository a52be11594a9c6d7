"""The syntax tree as the text of a Corefile."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from resolver.config.corefile.statements import hangs_a_brace
from resolver.config.model import Word
from resolver.config.syntax import Block, Comment, Item, Line, Node, Snippet, Tree

INDENT = "    "


def write(tree: Tree) -> str:
    """The text, blocks apart by an empty line. Raises ConfigError for a word that no Corefile can hold."""
    lines: list[str] = []
    previous: Item | None = None
    for item in tree:
        if previous is not None and not _belong_together(previous, item):
            lines.append("")
        lines += _item(item)
        previous = item
    return "".join(line + "\n" for line in lines)


def write_lines(nodes: Iterable[Node], depth: int = 0) -> Iterator[str]:
    """The lines of a block without its braces, so many steps indented."""
    for node in nodes:
        if isinstance(node, Comment):
            yield f"{INDENT * depth}#{node.text}"
        else:
            yield from _with_body(words_text(node.words), node.block, node.comment, depth)


def words_text(words: Sequence[Word]) -> str:
    """The words of one line, those in quotes that need them. Raises ConfigError for a word that cannot be written."""
    return " ".join(word_text(word, last=word is words[-1]) for word in words)


def word_text(word: Word, *, last: bool = True) -> str:
    """One word; at the end of a line also braces that hang on it need quotes. Raises ConfigError."""
    if not word.quoted and _UNQUOTED.fullmatch(word.text) and not (last and hangs_a_brace(word.text)):
        return word.text
    quoted = word.text.replace('"', '\\"')
    inside = _INSIDE_QUOTES.fullmatch(quoted)
    if inside is None or quoted.replace('\\"', '"') != word.text:
        raise word.error(
            "a Corefile cannot hold this word", "quotes cannot end in a backslash or have one before a quote"
        )
    return f'"{quoted}"'


_UNQUOTED = re.compile(r'(?![{}]\Z)[^\s#"\ufeff][^\s#\ufeff]*')
_INSIDE_QUOTES = re.compile(r'(?:[^"\\]|\\.)*+', re.DOTALL)


def _belong_together(previous: Item, item: Item) -> bool:
    """A comment stays with what follows it, and imports stay with each other."""
    return isinstance(previous, Comment) or (isinstance(previous, Line) and isinstance(item, Line))


def _item(item: Item) -> Iterator[str]:
    match item:
        case Comment():
            yield f"#{item.text}"
        case Line():
            yield from write_lines([item])
        case Snippet():
            yield from _with_body(f"({item.name.text})", item.body, item.comment, 0)
        case Block():
            yield from _with_body(words_text(item.keys), item.body, item.comment, 0)


def _with_body(head: str, body: Sequence[Node] | None, comment: str | None, depth: int) -> Iterator[str]:
    tail = "" if comment is None else f" #{comment}"
    if body is None:
        yield f"{INDENT * depth}{head}{tail}"
        return
    yield f"{INDENT * depth}{head} {{{tail}"
    yield from write_lines(body, depth + 1)
    yield f"{INDENT * depth}}}"
