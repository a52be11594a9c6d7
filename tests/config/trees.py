"""Generated syntax trees, and trees without their places, to compare what two syntaxes say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from resolver.config.model import Word
from resolver.config.syntax import Block, Comment, Item, Line, Node, Snippet, Tree
from resolver.errors import Place

NOWHERE = Place("generated", 1)

_PLAIN = """cache forward 30 . a.org:53 {args[0]} {$ENV} true null ~ y - 1.2.3.4 x'y a"b :9153 * &a !x | > % @ ` ? a:
[x] {{ é 日本 \\d+ -- ... = << 'a' ,"""
PLAIN_TEXTS = st.sampled_from(_PLAIN.split())
QUOTED_TEXTS = st.one_of(
    st.sampled_from(
        ["", "a b", "#", "{", "}", 'say "hi"', "line\nbreak", "tab\tx", "\x01", "\u2028", "\U0001f600", "a\\b c"]
    ),
    st.text(st.characters(exclude_characters="\\", exclude_categories=["Cs"]), max_size=8),
)


def a_word(text: str, *, quoted: bool = False) -> Word:
    return Word(text, NOWHERE, quoted)


plain_words = PLAIN_TEXTS.map(a_word)
words = st.one_of(plain_words, QUOTED_TEXTS.map(lambda text: a_word(text, quoted=True)))
names = st.one_of(st.sampled_from(["a", "b", "max_fails", "import"]), PLAIN_TEXTS).map(a_word)
zones = st.sampled_from(["a.org", "b.org:53", ".", "tls://c.org", "10.0.0.0/8", "snippets", "null", "x"]).map(a_word)
comment_texts = st.sampled_from(["", " about this", " a: b", "# more", " - x", '"', " {"])
comments = st.builds(Comment, comment_texts, st.just(NOWHERE))
endings = st.one_of(st.none(), comment_texts)


def lines(blocks: st.SearchStrategy[tuple[Node, ...] | None]) -> st.SearchStrategy[Line]:
    heads = st.builds(lambda name, rest: (name, *rest), names, st.lists(words, max_size=3))
    return st.builds(Line, heads, blocks, endings).map(_without_block_of_import)


def _without_block_of_import(line: Line) -> Line:
    return replace(line, block=None) if line.name.text == "import" else line


def _bodies(depth: int, notes: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Node, ...]]:
    blocks = st.none() if depth == 0 else st.one_of(st.none(), _bodies(depth - 1, notes))
    return st.lists(st.one_of(lines(blocks), notes), max_size=3).map(tuple)


def trees(notes: st.SearchStrategy[Any] = comments) -> st.SearchStrategy[Tree]:
    """Whole files; ``notes`` makes the comments on lines of their own."""
    bodies = _bodies(3, notes)
    keys = st.lists(zones, min_size=1, max_size=3).map(tuple)
    imports = st.builds(lambda rest: Line((a_word("import"), *rest)), st.lists(plain_words, min_size=1, max_size=2))
    snippets = st.builds(Snippet, st.sampled_from(["s", "t", "null", "a-b"]).map(a_word), bodies, endings)
    items: st.SearchStrategy[Item] = st.one_of(st.builds(Block, keys, bodies, endings), imports, snippets, notes)
    return st.lists(items, max_size=4).map(tuple)


def said(tree: Tree | tuple[Node, ...]) -> list[Any]:
    """What a tree says: texts and structure, neither places nor comments nor how words are quoted."""
    return [_said(item) for item in tree if not isinstance(item, Comment)]


def _said(item: Item) -> Any:
    match item:
        case Line():
            return [_texts(item.words), None if item.block is None else said(item.block)]
        case Block():
            return ["block", _texts(item.keys), said(item.body)]
        case Snippet():
            return ["snippet", item.name.text, said(item.body)]
        case Comment():
            return []


def _texts(found: tuple[Word, ...]) -> list[str]:
    return [one.text for one in found]


def remarks(tree: Tree | tuple[Node, ...]) -> list[str]:
    """All comments of a tree, sorted."""
    found: list[str] = []
    for item in tree:
        match item:
            case Comment():
                found.append(item.text.strip())
                continue
            case Line():
                found += remarks(item.block or ())
            case Block() | Snippet():
                found += remarks(item.body)
        if item.comment is not None:
            found.append(item.comment.strip())
    return sorted(found)
