"""The findings as one page of HTML that needs nothing else: no script, no request, no style but its own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256

from resolver.report.charts import bar, durations, over_time
from resolver.report.markup import Markup, breakable, element, joined, style
from resolver.report.model import Findings
from resolver.report.sections import Column, Section, Table, Value, facts, sections, shown
from resolver.report.stylesheet import STYLESHEET
from resolver.report.terminal import period

_KINDS = {"denials": "denied", "rebinding": "denied", "waste": "nxdomain", "failures": "failed"}  # colours of bars
_TEXTS = ("text", "name", "note")
_NARROW = 3  # columns that a phone has room for


def page(findings: Findings) -> str:
    """The whole page."""
    found = sections(findings)
    body = element(
        "body",
        element("a", "To the content", href="#content", class_="skip"),
        _header(findings),
        element("nav", element("ul", (_link(one) for one in found)), aria_label="Sections"),
        element("main", _plots(findings), (_section(one) for one in found), id="content"),
        element("footer", element("p", "Times are UTC. Made by resolver audit report.")),
    )
    return f"<!doctype html>\n{element('html', _head(), body, lang='en')}\n"


def policy() -> str:
    """The Content-Security-Policy under which the page works: its style sheet and nothing else."""
    octets = b64encode(sha256(STYLESHEET.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{octets}'; base-uri 'none'; form-action 'none'"


def _head() -> Markup:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy()),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", "DNS audit report"),
        style(STYLESHEET),
    )


def _header(findings: Findings) -> Markup:
    tiles = (element("div", element("dt", what), element("dd", amount)) for what, amount in facts(findings))
    notes = [element("li", f"{note}.") for note in findings.notes]
    return element(
        "header",
        element("h1", "DNS audit report"),
        element("p", period(findings), class_="period"),
        element("dl", tiles, class_="facts"),
        element("aside", element("h2", "Mind"), element("ul", notes), aria_label="Notes") if notes else "",
    )


def _link(section: Section) -> Markup:
    return element("li", element("a", section.title, href=f"#{section.key}"))


def _plots(findings: Findings) -> Markup:
    if not findings.queries:
        return element("p", "There is nothing to plot.", class_="none")
    return element("section", element("h2", "Over time"), over_time(findings), durations(findings), class_="plots")


def _section(section: Section) -> Markup:
    alone = len(section.tables) == 1
    tables = (_table(table, _KINDS.get(section.key, "answered"), alone) for table in section.tables)
    return element("section", element("h2", section.title), element("p", section.about), tables, id=section.key)


def _table(table: Table, kind: str, alone: bool) -> Markup:
    if not table.rows:
        title: str = Markup("") if alone else element("h3", table.title)
        return joined((title, element("p", table.none, class_="none")))
    most = _most(table)
    rows = [_row(_cells(table, row, most, kind)) for row in table.rows]
    # A narrow page shows wide tables in another way, by which some browsers forget that they are tables.
    body = element(
        "table",
        element("caption", table.title),
        element("thead", _row(_titles(table, most)), role="rowgroup"),
        element("tbody", rows, role="rowgroup"),
        class_="wide" if len(table.columns) > _NARROW else None,
        role="table",
    )
    frame = element("div", body, class_="scroll", tabindex=0, role="region", aria_label=table.title)
    return element("details", element("summary", table.title), frame) if table.folded else frame


def _row(cells: Iterable[Markup]) -> Markup:
    return element("tr", cells, role="row")


def _titles(table: Table, most: float) -> Iterator[Markup]:
    for column in table.columns:
        yield element("th", column.title, scope="col", role="columnheader", class_=_class(column))
    if most:
        bars = element("span", "as a bar", class_="unseen")
        yield element("th", bars, scope="col", role="columnheader", class_="bar")


def _most(table: Table) -> float:
    """The highest number of the column with bars; 0 where there is none."""
    if table.bar is None:
        return 0
    return max(float(row[table.bar] or 0) for row in table.rows)


def _cells(table: Table, row: Sequence[Value], most: float, kind: str) -> Iterator[Markup]:
    for cell, column in zip(row, table.columns, strict=True):
        text = shown(cell, column.kind)
        content = breakable(text) if column.kind in _TEXTS else text
        yield element("td", content, role="cell", class_=_class(column), data_title=column.title)
    if most and table.bar is not None:
        yield element("td", bar(float(row[table.bar] or 0), most, kind), role="cell", class_="bar")


def _class(column: Column) -> str:
    return column.kind + (" extra" if column.extra else "")
