"""Statements become the syntax tree. Reading goes on after a mistake, so that all of them are reported."""

from __future__ import annotations

from dataclasses import replace

from resolver.config.corefile.lexer import Row, rows
from resolver.config.corefile.statements import Close, Statement, statements
from resolver.config.model import Word
from resolver.config.problems import Problems
from resolver.config.syntax import Block, Comment, Item, Line, Node, Snippet, Tree, names_a_snippet, split_keys
from resolver.errors import ConfigError, Place

MAX_DEPTH = 32


def parse_file(text: str, file: str, problems: Problems) -> Tree:
    """The server blocks, snippets and imports of a whole Corefile; mistakes are noted in ``problems``."""
    return tuple(_Parser(_read(text, file, problems, None), problems).items())


def parse_lines(text: str, file: str, problems: Problems, *, origin: Place | None = None) -> tuple[Node, ...]:
    """The lines of a block without its braces, as an imported file holds them; mistakes are noted in ``problems``.

    ``origin`` is where the text stands in a larger file.
    """
    return tuple(_Parser(_read(text, file, problems, origin), problems).lines(None, 0))


def _read(text: str, file: str, problems: Problems, origin: Place | None) -> list[Row]:
    try:
        return rows(text, file, problems, origin=origin)
    except ConfigError as error:
        problems.add(error)
        return []


class _Parser:
    def __init__(self, source: list[Row], problems: Problems) -> None:
        self.problems = problems
        self.events = list(statements(source, problems))
        self.index = 0
        self.closed_early = ""  # the hint about a closing brace that stands further out than what it closed

    def items(self) -> list[Item]:
        """All that stands at the top of a file."""
        items: list[Item] = []
        while self.index < len(self.events):
            event = self.events[self.index]
            self.index += 1
            if isinstance(event, Comment):
                items.append(event)
            elif isinstance(event, Close):
                self._stray(event)
            elif event.words and event.words[0].text == "import":
                items.append(self._line(event, 0))
            else:
                self._block(event, items)
        return items

    def lines(self, opening: Statement | None, depth: int) -> list[Node]:
        """The lines up to the brace that closes ``opening``, or to the end of the file without one."""
        nodes: list[Node] = []
        while self.index < len(self.events):
            event = self.events[self.index]
            self.index += 1
            if isinstance(event, Comment):
                nodes.append(event)
            elif isinstance(event, Statement):
                self._add_line(event, nodes, depth)
            elif opening is not None:
                self._check_indent(opening, event)
                return nodes
            else:
                self._stray(event)
        if opening is not None and opening.opens is not None:
            self.problems.add(opening.opens.error("brace is never closed", self.closed_early))
        return nodes

    def _add_line(self, statement: Statement, nodes: list[Node], depth: int) -> None:
        if statement.words or statement.opens is None:
            nodes.append(self._line(statement, depth))
            return
        hint = "put it at the end of the line above"
        self.problems.add(statement.opens.error("an opening brace cannot stand on a line of its own here", hint))
        block = self._body(statement, depth + 1)
        if nodes and isinstance(nodes[-1], Line) and nodes[-1].block is None:
            nodes[-1] = replace(nodes[-1], block=block)

    def _line(self, statement: Statement, depth: int) -> Line:
        if statement.opens is None:
            return Line(statement.words, None, statement.comment)
        block = self._body(statement, depth + 1)
        if statement.words[0].text == "import":
            self.problems.add(statement.opens.error("import takes no block"))
            return Line(statement.words, None, statement.comment)
        return Line(statement.words, block, statement.comment)

    def _body(self, opening: Statement, depth: int) -> tuple[Node, ...]:
        if depth <= MAX_DEPTH:
            return tuple(self.lines(opening, depth))
        if opening.opens is not None:
            self.problems.add(opening.opens.error(f"blocks stand more than {MAX_DEPTH} deep in each other"))
        self._skip_block()
        return ()

    def _skip_block(self) -> None:
        level = 1
        while level and self.index < len(self.events):
            event = self.events[self.index]
            self.index += 1
            if isinstance(event, Close):
                level -= 1
            elif isinstance(event, Statement) and event.opens is not None:
                level += 1

    def _stray(self, event: Close) -> None:
        self.problems.add(event.brace.error("closing brace without an opening one", "take it away"))

    def _check_indent(self, opening: Statement, event: Close) -> None:
        """Remember the first brace that is likely meant for a block further out: it explains one that stays open."""
        start, end = opening.at, event.brace.at
        if not self.closed_early and start.line != end.line and end.column < start.column:
            self.closed_early = (
                f"the brace of line {end.line} closed the block of line {start.line}, which stands further in:"
                " is one missing there?"
            )

    # --- server blocks and snippets

    def _block(self, statement: Statement, items: list[Item]) -> None:
        """Add a server block or a snippet to ``items``, after the comments that stand between its keys."""
        keys, statement = self._keys(statement, items)
        if len(keys) == 1 and names_a_snippet(keys[0]):
            items.append(self._snippet(keys[0], statement))
        elif statement.opens is not None:
            items.append(Block(keys, self._body(statement, 1), statement.comment))
        else:
            items.append(self._without_braces(keys, statement, items))

    def _keys(self, statement: Statement, items: list[Item]) -> tuple[tuple[Word, ...], Statement]:
        """The keys up to the opening brace, and the statement that ends them. A comma at a line's end goes on."""
        keys: list[Word] = []
        while True:
            goes_on = split_keys(statement.words, keys)
            following = self._following()
            more = following is not None and (goes_on or not following.words)
            if statement.opens is not None or following is None or not more:
                break
            if statement.comment is not None:
                items.append(Comment(statement.comment, statement.at))
            statement = self._skip_to(following, items)
        if goes_on:
            self.problems.add(keys[-1].error("a zone must follow the comma", "or take the comma away"))
        if not keys:
            first = (*statement.words, statement.opens)[0]
            if first is not None:
                self.problems.add(first.error("a server block needs a zone", 'write "." for all names'))
        for key in keys:
            if key.text == "import":
                self.problems.add(key.error("import must begin a line", "or a zone of that name is written import."))
        return tuple(keys), statement

    def _following(self) -> Statement | None:
        """The next statement if only comments stand before it."""
        for index in range(self.index, len(self.events)):
            event = self.events[index]
            if not isinstance(event, Comment):
                return event if isinstance(event, Statement) else None
        return None

    def _skip_to(self, statement: Statement, items: list[Item]) -> Statement:
        while (event := self.events[self.index]) is not statement:
            if isinstance(event, Comment):
                items.append(event)
            self.index += 1
        self.index += 1
        return statement

    def _snippet(self, key: Word, statement: Statement) -> Snippet:
        name = replace(key, text=key.text[1:-1])
        if not name.text:
            self.problems.add(key.error("a snippet needs a name between its parentheses"))
        if statement.opens is None:
            self.problems.add(key.error("a snippet needs a block", 'put "{" at the end of the line'))
            return Snippet(name, (), statement.comment)
        return Snippet(name, self._body(statement, 1), statement.comment)

    def _without_braces(self, keys: tuple[Word, ...], statement: Statement, items: list[Item]) -> Block:
        """The block of a file that has no other: the rest of the file is its body."""
        others = [item for item in items if isinstance(item, Block)]
        if others and keys:
            hint = "only a file with a single block may leave out the braces"
            self.problems.add(keys[0].error("a server block needs braces", hint))
        body = tuple(self.lines(None, 0))
        for line in body:
            if isinstance(line, Line) and line.block is not None and _looks_like_a_zone(line.name.text):
                message = f"{line.name.text} looks like a second server block inside the first"
                self.problems.add(line.name.error(message, "a file with several blocks needs braces around each"))
                break
        return Block(keys, body, statement.comment)


def _looks_like_a_zone(text: str) -> bool:
    return "." in text or ":" in text
