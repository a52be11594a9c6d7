"""Rows become statements: where blocks open and close is settled here, with a message for braces in odd places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from resolver.config.corefile.lexer import Row
from resolver.config.model import Word
from resolver.config.problems import Problems
from resolver.config.syntax import Comment
from resolver.errors import Place


@dataclass(frozen=True, slots=True)
class Statement:
    """The words of a line, and the brace at its end if it opens a block. ``words`` is empty for a lone brace."""

    words: tuple[Word, ...]
    opens: Word | None
    comment: str | None

    at: Place


@dataclass(frozen=True, slots=True)
class Close:
    """A closing brace."""

    brace: Word


Event: TypeAlias = Statement | Close | Comment


def statements(source: Sequence[Row], problems: Problems) -> Iterator[Event]:
    """Statements, closing braces and comments in order; misplaced braces are noted in ``problems`` and understood."""
    for row in source:
        if row.words:
            yield from _Row(row, problems).events()
        else:
            yield Comment(row.comment or "", row.at)


def is_open(word: Word) -> bool:
    """Whether the word is a brace that opens a block."""
    return word.text == "{" and not word.quoted


def is_close(word: Word) -> bool:
    """Whether the word is a brace that closes a block."""
    return word.text == "}" and not word.quoted


class _Row:
    def __init__(self, row: Row, problems: Problems) -> None:
        self.row = row
        self.problems = problems
        self.words = _unglued(row.words, problems)
        self.noted = self.words is not row.words

    def events(self) -> list[Event]:
        events: list[Event] = []
        head: list[Word] = []
        for index, word in enumerate(self.words):
            if is_open(word):
                events.append(self._statement(head, word))
                head = []
            elif is_close(word):
                if head:
                    events.append(self._statement(head, None))
                    self._note(word, "a closing brace must stand on a line of its own")
                    head = []
                events.append(Close(word))
                self._check_behind_close(index)
            else:
                head.append(word)
        if head:
            events.append(self._statement(head, None))
        return self._with_comment(events)

    def _statement(self, head: list[Word], brace: Word | None) -> Statement:
        first = head[0] if head else brace
        return Statement(tuple(head), brace, None, first.at if first else self.row.at)

    def _with_comment(self, events: list[Event]) -> list[Event]:
        if self.row.comment is None:
            return events
        last = events[-1]
        if isinstance(last, Statement):
            return [*events[:-1], replace(last, comment=self.row.comment)]
        return [*events, Comment(self.row.comment, self.row.at)]

    def _check_behind_close(self, index: int) -> None:
        rest = self.words[index + 1 :]
        if rest and not is_close(rest[0]):
            self._note(rest[0], "nothing may follow a closing brace on its line")

    def _note(self, word: Word, message: str) -> None:
        """Note the first misplaced brace of the line; the others follow from it."""
        if not self.noted:
            self.problems.add(word.error(message, "begin a new line here"))
            self.noted = True


def _unglued(words: tuple[Word, ...], problems: Problems) -> tuple[Word, ...]:
    """The words with a brace split off that hangs on the last of them, as in ``example.org{`` or ``5s}``."""
    last = words[-1]
    if last.quoted or not hangs_a_brace(last.text):
        return words
    if last.text == "{}":
        problems.add(last.error("braces need a blank between them", 'write "{" here and "}" on the next line'))
        return (*words[:-1], _part(last, 0, 1), _part(last, 1, 2))
    if last.text[-1] == "{":
        hint = "put a blank before the brace"
    else:
        hint = "put the closing brace on a line of its own"
    problems.add(last.error(f"{last.text} ends in a brace", hint))
    cut = len(last.text) - 1
    return (*words[:-1], _part(last, 0, cut), _part(last, cut, cut + 1))


def hangs_a_brace(text: str) -> bool:
    """Whether a word at the end of a line has a brace too many at its own end, or is a pair of braces."""
    if len(text) < 2 or text[-1] not in "{}":
        return False
    surplus = text.count("{") - text.count("}")
    return text == "{}" or surplus == (1 if text[-1] == "{" else -1)


def _part(word: Word, start: int, end: int) -> Word:
    at = replace(word.at, column=word.at.column + start)
    return replace(word, text=word.text[start:end], at=at, width=end - start)
