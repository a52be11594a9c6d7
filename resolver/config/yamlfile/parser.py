"""YAML nodes become the syntax tree, by the rules in the docstring of this package."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TypeVar

from resolver.config.corefile import parser as corefile
from resolver.config.corefile.lexer import rows
from resolver.config.model import Word
from resolver.config.problems import Problems
from resolver.config.syntax import Block, Item, Line, Node, Snippet, Tree, names_a_snippet, split_keys
from resolver.config.yamlfile import nodes
from resolver.config.yamlfile.comments import weave_items
from resolver.config.yamlfile.nodes import Mapping, Scalar, Sequence, Source
from resolver.errors import ConfigError, Place

# Reading costs about as much for each word and each node as for so many characters.
_UNIT = 32
_BUDGET = 4 * 1024 * 1024
_BUDGET_PER_CHARACTER = 32

T = TypeVar("T")

# What can stand between the parentheses of a Corefile.
_SNIPPET = re.compile(r"(?:[^\s#,\ufeff]|(?<=\\),)+")


def parse_file(text: str, file: str, problems: Problems) -> Tree:
    """The server blocks, snippets and imports of a whole YAML file; mistakes are noted in ``problems``."""
    return _guarded(problems, lambda: tuple(_items(text, file, problems)))


def parse_lines(text: str, file: str, problems: Problems) -> tuple[Node, ...]:
    """The lines of an imported YAML file that holds the body of a block; mistakes are noted in ``problems``."""
    return _guarded(problems, lambda: tuple(_body(text, file, problems)))


def parse_with_comments(text: str, file: str, problems: Problems) -> Tree:
    """As ``parse_file``, with the comments of the text put back: slower, for conversion."""
    tree = parse_file(text, file, problems)
    if problems:
        return tree
    return weave_items(tree, Source(text, file))


class _TooLarge(Exception):
    """The end of reading: unlike a mistake in one place it is not passed over."""

    def __init__(self, at: Place) -> None:
        super().__init__()
        self.at = at


def _guarded(problems: Problems, read: Callable[[], tuple[T, ...]]) -> tuple[T, ...]:
    try:
        return read()
    except _TooLarge as end:
        problems.add(ConfigError("the aliases of this file make it too large", end.at))
    except ConfigError as error:
        problems.add(error)
    return ()


def _items(text: str, file: str, problems: Problems) -> Iterator[Item]:
    source = Source(text, file)
    return _Reader(source, problems).items(nodes.compose(source))


def _body(text: str, file: str, problems: Problems) -> Iterator[Node]:
    source = Source(text, file)
    root = nodes.compose(source)
    return iter(()) if root is None else _Reader(source, problems).body(root, 0)


class _Reader:
    def __init__(self, source: Source, problems: Problems) -> None:
        self.source = source
        self.problems = problems
        self.budget = _BUDGET + _BUDGET_PER_CHARACTER * len(source.text)

    # --- the top of a file

    def items(self, root: nodes.Node | None) -> Iterator[Item]:
        if root is None or (isinstance(root, Scalar) and root.is_null):
            return
        if isinstance(root, Scalar):
            raise self._error(root, "a configuration is a mapping of server blocks")
        parts = root.items if isinstance(root, Sequence) else [root]
        for part in parts:
            with self.problems:
                if isinstance(part, Mapping):
                    yield from self._entries(part)
                elif isinstance(part, Scalar):
                    yield self._only_import(part)
                else:
                    raise self._error(part, "a list stands where a server block is expected")

    def _entries(self, mapping: Mapping) -> Iterator[Item]:
        for key, value in mapping.pairs:
            with self.problems:
                if key.value == "snippets":
                    yield from self._snippets(value)
                else:
                    yield from self._entry(key, value)

    def _only_import(self, scalar: Scalar) -> Line:
        words = self._words(scalar)
        if not words or words[0].text != "import":
            raise self._error(scalar, "only an import may stand here without a value", "a server block needs a colon")
        return Line(words)

    def _entry(self, key: Scalar, value: nodes.Node) -> Iterator[Item]:
        words = self._words(key)
        if words and words[0].text == "import":
            yield from self._imports(words, value)
        else:
            yield self._block(key, words, value)

    def _imports(self, name: tuple[Word, ...], value: nodes.Node) -> Iterator[Line]:
        if isinstance(value, Scalar) and value.is_null:
            yield Line(name)
            return
        for one in value.items if isinstance(value, Sequence) else [value]:
            if not isinstance(one, Scalar):
                raise self._error(one, "import takes names of files and snippets")
            yield Line(name + self._words(one))

    def _snippets(self, value: nodes.Node) -> Iterator[Snippet]:
        if not isinstance(value, Mapping):
            raise self._error(value, "snippets is a mapping of names to lists of lines")
        for key, body in value.pairs:
            words = self._words(key)
            if len(words) != 1 or not _SNIPPET.fullmatch(words[0].text):
                raise self._error(key, "the name of a snippet is one word without blanks and commas")
            yield Snippet(words[0], tuple(self.body(body, 0)))

    def _block(self, key: Scalar, words: tuple[Word, ...], value: nodes.Node) -> Block:
        keys: list[Word] = []
        if split_keys(words, keys):
            raise self._error(key, "a zone must follow the comma")
        if not keys:
            raise self._error(key, "a server block needs a zone", 'write "." for all names')
        if any(one.text == "import" for one in keys):
            raise self._error(key, "import must begin a line", "or a zone of that name is written import.")
        if len(keys) == 1 and names_a_snippet(keys[0]):
            name = keys[0].text[1:-1]
            raise self._error(key, "snippets stand under a key of their own", f"write snippets: {{{name}: ...}}")
        return Block(tuple(keys), tuple(self.body(value, 0)))

    # --- bodies

    def body(self, value: nodes.Node, level: int) -> Iterator[Node]:
        """The lines of a block: of a server block or snippet at level 0, of a directive at 1, of an option at 2."""
        if isinstance(value, Scalar):
            yield from self._text_block(value)
            return
        for part in value.items if isinstance(value, Sequence) else [value]:
            self._spend(0, part.at)
            with self.problems:
                if isinstance(part, Scalar):
                    yield self._line(part)
                elif isinstance(part, Mapping):
                    for key, inner in part.pairs:
                        with self.problems:
                            yield from self._pair(key, inner, level)
                else:
                    raise self._error(part, "a list stands where a line is expected")

    def _text_block(self, value: Scalar) -> Iterator[Node]:
        if value.is_null:
            return
        if value.style != "|":
            raise self._error(value, "a block is a list, a mapping or a text after |")
        yield from self._literal(value)

    def _line(self, scalar: Scalar) -> Line:
        words = self._words(scalar)
        if not words:
            raise self._error(scalar, "a line needs a name")
        return Line(words)

    def _pair(self, key: Scalar, value: nodes.Node, level: int) -> Iterator[Line]:
        words = self._line(key).words
        if isinstance(value, Scalar) and value.style != "|":
            yield Line(words if value.is_null else words + self._words(value))
        elif isinstance(value, Sequence) and level > 0:
            yield from self._arguments(words, value, level)
        elif words[0].text == "import":
            raise self._error(key, "import takes no block", "or write the line as one text")
        else:
            yield Line(words, tuple(self.body(value, level + 1)))

    def _arguments(self, words: tuple[Word, ...], value: Sequence, level: int) -> Iterator[Line]:
        """A list under an option: its arguments, or the option several times."""
        if all(isinstance(part, Scalar) for part in value.items):
            yield Line(words + self._all_words(value))
            return
        for part in value.items:
            self._spend(0, part.at)
            if isinstance(part, Scalar):
                raise self._error(part, "a list has arguments, or lists and mappings, not both")
            if isinstance(part, Mapping):
                yield Line(words, tuple(self.body(part, level + 1)))
            else:
                yield Line(words + self._all_words(part))

    def _all_words(self, value: Sequence) -> tuple[Word, ...]:
        words: list[Word] = []
        for part in value.items:
            if not isinstance(part, Scalar):
                raise self._error(part, "an argument must be a text")
            words += self._words(part)
        return tuple(words)

    # --- text inside scalars

    def _words(self, scalar: Scalar) -> tuple[Word, ...]:
        """The words of a scalar that is one line."""
        self._spend(len(scalar.value), scalar.at)
        origin = self.source.place(scalar.start) if scalar.verbatim else None
        problems = Problems()
        cut = rows(scalar.value, self.source.file, problems, origin=origin)
        self._note_all(problems, scalar, shift=origin is None)
        if len(cut) > 1:
            raise self._error(scalar, "a line has a line break in it", "text of several lines goes after |")
        if not cut:
            return ()
        self._spend(_UNIT * len(cut[0].words), scalar.at)
        if cut[0].comment is not None:
            raise self._error(scalar, "a word with # needs quotes of its own", "as in '\"a#b\"'")
        words = cut[0].words
        if origin is None:
            words = tuple(Word(word.text, scalar.at, word.quoted, scalar.width) for word in words)
        for word in words:
            if word.text in ("{", "}") and not word.quoted:
                raise word.error("a brace cannot stand in a line of YAML", "put the block into a mapping below it")
        return words

    def _literal(self, scalar: Scalar) -> tuple[Node, ...]:
        """The lines of a text after ``|``, which are Corefile."""
        self._spend(_UNIT * len(scalar.value.split()), scalar.at)
        first = self.source.line_end(scalar.start) + 1
        origin = self.source.place(first)
        return corefile.parse_lines(
            scalar.value,
            self.source.file,
            self.problems,
            origin=replace(origin, column=1 + self._indent(scalar, first)),
        )

    def _indent(self, scalar: Scalar, first: int) -> int:
        """How far the text after ``|`` is indented; its first line begins at the index ``first``."""
        for line in scalar.value.split("\n"):
            end = self.source.line_end(first)
            if line.strip():
                return max(0, len(self.source.text[first:end].rstrip("\r")) - len(line))
            first = end + 1
        return 0

    def _note_all(self, problems: Problems, scalar: Scalar, *, shift: bool) -> None:
        for error in problems.all():
            at = scalar.at if shift else error.at
            self.problems.add(ConfigError(error.message, at, length=error.length, hint=error.hint))

    def _spend(self, characters: int, at: Place) -> None:
        """Aliases make a small file large: what is read is counted as often as it is read, and must stay in proportion
        to the file."""
        self.budget -= characters + _UNIT
        if self.budget < 0:
            raise _TooLarge(at)

    def _error(self, node: nodes.Node, message: str, hint: str = "") -> ConfigError:
        length = node.width if isinstance(node, Scalar) else 1
        return ConfigError(message, node.at, length=length, hint=hint)
