"""A Corefile's text as rows of words: what stands on one line, with its comment.

A word ends at a blank. A word that begins with a double quote goes to the next quote, over line ends if need be; inside
it ``\\"`` is a quote and any other backslash is itself. ``#`` outside quotes begins a comment, also in the middle of a
word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from resolver.config.model import Word
from resolver.config.problems import Problems
from resolver.errors import ConfigError, Place

MAX_WORDS = 300_000
MAX_WORD = 64 * 1024

_PLAIN = re.compile(r"[^\s#]+")
# Possessive, so that a quote which is never closed costs one pass and no backtracking.
_QUOTED = re.compile(r'((?:[^"\\]|\\.)*+)"', re.DOTALL)


@dataclass(frozen=True, slots=True)
class Row:
    """The words of one line and its comment without ``#``, if any. Never without both."""

    words: tuple[Word, ...]
    comment: str | None
    at: Place


def rows(text: str, file: str, problems: Problems, *, origin: Place | None = None) -> list[Row]:
    """The rows of a text that have a word or a comment. A quote that is never closed is noted in ``problems``.

    ``origin`` is where the text stands in a larger file; all its lines begin in that column.
    Raises ConfigError where the text has more than 300,000 words or one of more than 64 KiB.
    """
    return list(_Lexer(text, origin or Place(file, 1), problems).rows())


class _Lexer:
    def __init__(self, text: str, origin: Place, problems: Problems) -> None:
        self.text = text
        self.file = origin.file
        self.problems = problems
        self.line = origin.line
        self.first_column = origin.column
        self.line_start = 0
        self.position = 0
        self.count = 0
        self.known: dict[str, str] = {}  # ten thousand blocks say much the same, which need not be kept each time
        self.spanning: Word | None = None  # the latest quoted word that runs over a line end

    def rows(self) -> Iterator[Row]:
        while self.position < len(self.text):
            row = self._row()
            if row is not None:
                yield row

    def _row(self) -> Row | None:
        words: list[Word] = []
        comment = None
        text, end = self.text, len(self.text)
        while self.position < end:
            char = text[self.position]
            if char == "\n":
                break
            if char.isspace():
                self.position += 1
            elif char == "#":
                if not words:
                    place = self._place()
                comment = self._comment()
            else:
                words.append(self._quoted() if char == '"' else self._plain())
                self._count(words[-1])
        self._newline()
        if words:
            return Row(tuple(words), comment, words[0].at)
        return None if comment is None else Row((), comment, place)

    def _place(self) -> Place:
        return Place(self.file, self.line, self.position - self.line_start + self.first_column)

    def _newline(self) -> None:
        self.position += 1
        self.line += 1
        self.line_start = self.position

    def _count(self, word: Word) -> None:
        self.count += 1
        if self.count > MAX_WORDS:
            raise ConfigError(f"the file has more than {MAX_WORDS} words", word.at)
        if len(word.text) > MAX_WORD:
            raise ConfigError(f"a word has more than {MAX_WORD} characters", word.at)

    def _comment(self) -> str:
        end = self.text.find("\n", self.position)
        end = len(self.text) if end < 0 else end
        comment = self.text[self.position + 1 : end].rstrip()
        self.position = end
        return comment

    def _plain(self) -> Word:
        place, start = self._place(), self.position
        plain = _PLAIN.match(self.text, start)
        self.position = plain.end() if plain else start + 1
        text = self.text[start : self.position]
        return Word(self.known.setdefault(text, text), place, width=self.position - start)

    def _quoted(self) -> Word:
        place, start = self._place(), self.position + 1
        inside = _QUOTED.match(self.text, start)
        if inside is None:
            return self._unclosed(place, start)
        body, self.position = inside[1], inside.end()
        breaks = body.count("\n")
        word = Word(
            body.replace('\\"', '"'), place, quoted=True, width=body.find("\n") + 1 if breaks else len(body) + 2
        )
        if breaks:
            self.spanning = word
            self.line += breaks
            self.line_start = start + body.rindex("\n") + 1
        return word

    def _unclosed(self, place: Place, start: int) -> Word:
        """Note it and take the rest of the line, so that the next lines are still read."""
        hint = "add the missing quote"
        if self.spanning is not None:
            hint = f"or the quote of line {self.spanning.at.line}, which goes on for several lines, was left open"
        end = self.text.find("\n", start)
        end = len(self.text) if end < 0 else end
        self.position = end
        self.problems.add(ConfigError("quote is never closed", place, length=end - start + 1, hint=hint))
        return Word(self.text[start:end].rstrip(), place, quoted=True, width=end - start + 1)
