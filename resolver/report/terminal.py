"""Sections as text that fits the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from textwrap import wrap

from resolver.report.model import Findings
from resolver.report.sections import Column, Section, Table, facts, sections, shown

_READABLE = 32  # characters of a text that is cut while there is something less important to leave out
_NARROWEST = 10  # and where there is nothing
_GAP = 2


class Style:
    """How headings look: ``colours`` where somebody looks at a terminal."""

    def __init__(self, width: int, *, colours: bool) -> None:
        self.width = max(width, 40)
        self._colours = colours

    def heading(self, text: str) -> str:
        """The title of a section."""
        return f"\x1b[1;36m{text}\x1b[0m" if self._colours else text

    def strong(self, text: str) -> str:
        """The title of a table."""
        return f"\x1b[1m{text}\x1b[0m" if self._colours else text

    def faint(self, text: str) -> str:
        """What stands beside the matter."""
        return f"\x1b[2m{text}\x1b[0m" if self._colours else text


def lines(findings: Findings, style: Style, *, in_full: bool) -> Iterator[str]:
    """The whole report; ``in_full`` with the names of each namespace."""
    yield style.heading("DNS audit report")
    yield period(findings)
    yield ""
    pairs = [(amount, what) for what, amount in facts(findings)]
    width = max(len(amount) for amount, _ in pairs)
    yield from (f"{amount:>{width}}  {what}" for amount, what in pairs)
    for note in findings.notes:
        yield from wrap(plain(f"Note: {note}."), style.width, subsequent_indent="  ")
    for section in sections(findings):
        yield from _section(section, style, in_full)


def period(findings: Findings) -> str:
    """From when to when, and out of what."""
    if not findings.queries:
        return "No queries."
    first, last = shown(findings.first, "time"), shown(findings.last, "time")
    return f"{plain(first)} to {plain(last)} UTC, {findings.reading.lines:,} lines"


def _section(section: Section, style: Style, in_full: bool) -> Iterator[str]:
    tables = [table for table in section.tables if in_full or not table.folded]
    yield ""
    yield style.heading(section.title)
    yield from (style.faint(line) for line in wrap(section.about, style.width))
    for table in tables:
        yield ""
        if len(tables) > 1:
            yield style.strong(cut(plain(table.title), style.width))
        yield from _table(table, style)
    if len(tables) < len(section.tables):
        yield style.faint("Names of each: --namespace NAMESPACE, --html or --json")


def _table(table: Table, style: Style) -> Iterator[str]:
    if not table.rows:
        yield table.none
        return
    for extra in (True, False):
        chosen = [
            index for index, column in enumerate(table.columns) if column.kind != "note" and (extra or not column.extra)
        ]
        columns = [table.columns[index] for index in chosen]
        cells = [[plain(shown(row[index], table.columns[index].kind)) for index in chosen] for row in table.rows]
        widths = _widths(columns, cells, style.width, _READABLE if extra else _NARROWEST)
        if sum(widths) + _GAP * (len(widths) - 1) <= style.width:
            break
    yield style.faint(_line(columns, [column.title for column in columns], widths))
    notes = [index for index, column in enumerate(table.columns) if column.kind == "note"]
    for row, values in zip(cells, table.rows, strict=True):
        yield _line(columns, row, widths)
        for index in notes:
            text = f"{table.columns[index].title}: {plain(str(values[index]))}"
            yield from wrap(text, style.width, initial_indent="    ", subsequent_indent="      ")


def _widths(columns: Sequence[Column], cells: Sequence[Sequence[str]], room: int, narrowest: int) -> list[int]:
    """How wide each column is: texts give way until all fits, the widest first, but never all of it."""
    widths = [max(len(column.title), *(len(row[index]) for row in cells)) for index, column in enumerate(columns)]
    texts = [index for index, column in enumerate(columns) if column.kind in ("text", "name")]
    while sum(widths) + _GAP * (len(widths) - 1) > room:
        widest = max(texts, key=lambda index: widths[index], default=None)
        if widest is None or widths[widest] <= narrowest:
            break
        widths[widest] -= 1
    return widths


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    parts = [
        f"{cut(cell, width):<{width}}" if column.kind in ("text", "name", "time") else f"{cell:>{width}}"
        for column, cell, width in zip(columns, cells, widths, strict=True)
    ]
    return (" " * _GAP).join(parts).rstrip()


def cut(text: str, width: int) -> str:
    """The text in so many characters; what goes is in the middle, since names differ at both ends."""
    if len(text) <= width:
        return text
    head = (width - 1) // 2
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def plain(text: str) -> str:
    """Without anything that a terminal would obey or that would turn the line around."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape", "surrogatepass").decode("ascii") for one in text
    )
