"""The comments of a YAML file, which YAML readers throw away, and their way back into a syntax tree."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

import yaml

from resolver.config.syntax import Block, Comment, Item, Line, Node, Snippet, Tree
from resolver.config.yamlfile.nodes import LOADER, Source
from resolver.errors import Place


@dataclass(frozen=True, slots=True)
class Found:
    """A comment without its ``#``; ``own_line`` says that nothing stands before it."""

    text: str
    at: Place
    own_line: bool


def find_comments(source: Source) -> deque[Found]:
    """The comments of a text that is known to be YAML: between its tokens there is nothing else but blanks."""
    found: deque[Found] = deque()
    end = 0
    for token in yaml.scan(source.text, Loader=LOADER):
        found += _in_gap(source, end, token.start_mark.index)
        end = max(end, token.end_mark.index)
    found += _in_gap(source, end, len(source.text))
    return found


def _in_gap(source: Source, start: int, end: int) -> Iterator[Found]:
    while (mark := source.text.find("#", start, end)) >= 0:
        start = source.line_end(mark)
        at = source.place(mark)
        before = source.text[mark - at.column + 1 : mark]
        yield Found(source.text[mark + 1 : start].rstrip(), at, not before.strip())


def weave_items(tree: Tree, source: Source) -> Tree:
    """The tree of a file with its comments in their places."""
    weaver = _Weaver(source)
    woven = weaver.weave(tree, 0, None)
    return (*woven, *(Comment(comment.text, comment.at) for comment in weaver.comments))


Branch: TypeAlias = Line | Block | Snippet


class _Weaver:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.comments = find_comments(source)

    def weave(self, nodes: Sequence[Item], above: int, end: Place | None) -> list[Item]:
        """The nodes of one level with their comments. Those up to ``end`` that are indented like them come last.

        ``above`` is the line of the node whose block this is.
        """
        woven: list[Item] = []
        for index, node in enumerate(nodes):
            if isinstance(node, Comment):
                woven.append(node)
                continue
            following = _place(nodes[index + 1]) if index + 1 < len(nodes) else end
            woven += self._before(_place(node))
            node = self._trailing(node)
            woven.append(self._inside(node, following))
        if nodes and _place(nodes[0]).line > above:
            woven += self._behind(self.source.indent(_place(nodes[0])), end)
        return woven

    def _before(self, at: Place) -> Iterator[Comment]:
        while self.comments and self.comments[0].at.line < at.line:
            comment = self.comments.popleft()
            yield Comment(comment.text, comment.at)

    def _behind(self, column: int, end: Place | None) -> Iterator[Comment]:
        while self.comments and (end is None or self.comments[0].at.line < end.line):
            if self.comments[0].at.column < column:
                return
            comment = self.comments.popleft()
            yield Comment(comment.text, comment.at)

    def _trailing(self, node: Branch) -> Branch:
        comments = self.comments
        if comments and not comments[0].own_line and comments[0].at.line == _place(node).line and node.comment is None:
            return replace(node, comment=comments.popleft().text)
        return node

    def _inside(self, node: Branch, following: Place | None) -> Branch:
        if isinstance(node, Line):
            if node.block is None:
                return node
            return replace(node, block=_lines(self.weave(node.block, _place(node).line, following)))
        return replace(node, body=_lines(self.weave(node.body, _place(node).line, following)))


def _lines(items: list[Item]) -> tuple[Node, ...]:
    return tuple(item for item in items if isinstance(item, Comment | Line))


def _place(item: Item) -> Place:
    match item:
        case Comment():
            return item.at
        case Line():
            return item.name.at
        case Snippet():
            return item.name.at
        case Block():
            return item.keys[0].at
