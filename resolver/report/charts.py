"""Plots as inline SVG. Places across are in percent: a plot is as wide as the page, and its words stay readable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from resolver.report.collect import ANSWERED, DENIED, FAILED, NXDOMAIN, OUTCOMES
from resolver.report.markup import Markup, element
from resolver.report.model import Findings
from resolver.report.sections import Column, Table, shown

_HEAD, _FOOT = 18, 20  # pixels above and below the bars, for words
_CLASSES = ("answered", "nxdomain", "failed", "denied")


def over_time(findings: Findings) -> list[Markup]:
    """Answered and NXDOMAIN in one plot, failed and denied in a smaller one with a scale of its own."""
    bars = findings.over_time
    starts = [datetime.fromisoformat(start.removesuffix("Z")) for start, _ in bars]
    titles = [_told(start, numbers) for start, numbers in bars]
    plots = []
    for key, what, outcomes, height in (
        ("time", "Queries over time", (ANSWERED, NXDOMAIN), 200),
        ("trouble", "Failed and denied over time", (FAILED, DENIED), 110),
    ):
        stacks = [[(_CLASSES[outcome], numbers[outcome]) for outcome in outcomes] for _, numbers in bars]
        total = [sum(numbers[outcome] for _, numbers in bars) for outcome in outcomes]
        if not any(total):
            continue
        told = ", ".join(f"{count:,} {OUTCOMES[outcome]}" for outcome, count in zip(outcomes, total, strict=True))
        about = f"Bars of {_length(findings.step)} each. In all {told}."
        plots.append(_figure(key, what, about, stacks, titles, _ticks(starts, findings.step), height, outcomes))
    table = Table(
        "Queries over time",
        (Column("from", "time"), *(Column(name, "number") for name in OUTCOMES)),
        [(start, *numbers) for start, numbers in bars],
    )
    return [*plots, figures(table)]


def durations(findings: Findings) -> list[Markup]:
    """How long answers took, a plot for each place where they came from, each with its own scale."""
    plots = []
    shared = _used(list(findings.durations.values()))
    for number, (what, counts) in enumerate(findings.durations.items()):
        kept = counts[shared]
        total = sum(count for _, count in kept)
        if not total:
            continue
        stacks = [[("denied" if what == "denied" else ("answered", "other")[number % 2], count)] for _, count in kept]
        titles = [f"up to {shown(edge, 'ms')} ms: {count:,} ({count / total:.1%})" for edge, count in kept]
        ticks = [
            ((index + 1) / len(kept), f"{shown(edge, 'ms')} ms")
            for index, (edge, _) in enumerate(kept)
            if float(f"{edge:g}") in (0.01, 0.1, 1, 10, 100, 1000, 10000)
        ]
        ticks = ticks or [(1.0, f"{shown(kept[-1][0], 'ms')} ms")]
        title = f"Time to the answer, {what}"
        about = f"{total:,} answers by time, each bar 1.8 times as long as the one before."
        plots.append(_figure(f"spread{number}", title, about, stacks, titles, _apart(ticks), 110, ()))
    if not plots:
        return []
    names = list(findings.durations)
    columns = (Column("up to", "ms"), *(Column(name, "number") for name in names))
    edges = [edge for edge, _ in next(iter(findings.durations.values()))][shared]
    sums = [[count for _, count in findings.durations[name]][shared] for name in names]
    return [*plots, figures(Table("Times", columns, list(zip(edges, *sums, strict=True))))]


def bar(value: float, most: float, kind: str = "answered") -> Markup:
    """A bar for a cell of a table; the number stands beside it."""
    width = f"{100 * value / most:.2f}%" if most else "0"
    rect = element("rect", width=width, height="100%", class_=kind)
    return element("svg", rect, width="100%", height=10, aria_hidden="true", focusable="false")


def figures(table: Table) -> Markup:
    """The same as a plot, to be read."""
    head = element("tr", (element("th", column.title, scope="col") for column in table.columns))
    rows = (
        element(
            "tr", (element("td", shown(cell, column.kind)) for cell, column in zip(row, table.columns, strict=True))
        )
        for row in table.rows
    )
    body = element("table", element("caption", table.title), element("thead", head), element("tbody", rows))
    frame = element("div", body, class_="scroll", tabindex=0, role="region", aria_label=table.title)
    return element("details", element("summary", "The figures as a table"), frame, class_="figures")


def _figure(
    key: str,
    what: str,
    about: str,
    stacks: Sequence[Sequence[tuple[str, int]]],
    titles: Sequence[str],
    ticks: Sequence[tuple[float, str]],
    height: int,
    outcomes: Sequence[int],
) -> Markup:
    most = _round(max((sum(count for _, count in stack) for stack in stacks), default=0))
    plot = element(
        "svg",
        element("title", what, id=f"{key}-title"),
        element("desc", about, id=f"{key}-about"),
        _lines(height),
        _bars(stacks, titles, most, height),
        _scale(most, height),
        _words(ticks, height),
        role="img",
        aria_labelledby=f"{key}-title {key}-about",
        width="100%",
        height=height + _HEAD + _FOOT,
        class_="plot",
    )
    legend = (element("span", OUTCOMES[outcome], class_=f"key {_CLASSES[outcome]}") for outcome in outcomes)
    caption = element("figcaption", element("strong", what), *legend, element("small", about))
    return element("figure", caption, plot)


def _bars(
    stacks: Sequence[Sequence[tuple[str, int]]], titles: Sequence[str], most: int, height: int
) -> Iterator[Markup]:
    width = 100 / max(len(stacks), 1)
    thick = f"{width * 0.86:.3f}%"
    for index, (stack, title) in enumerate(zip(stacks, titles, strict=True)):
        across, base = f"{width * (index + 0.07):.3f}%", float(_HEAD + height)
        pieces = [element("rect", x=across, y=_HEAD, width=thick, height=height, class_="hit")]
        for kind, count in stack:
            # What is there at all is seen: less than a pixel would be nothing.
            tall = max(height * count / most, 1.0) if count else 0.0
            base -= tall
            if count:
                pieces.append(
                    element("rect", x=across, y=f"{base:.1f}", width=thick, height=f"{tall:.1f}", class_=kind)
                )
        yield element("g", element("title", title), pieces)


def _lines(height: int) -> Iterator[Markup]:
    for part in (0.0, 0.5, 1.0):
        y = _HEAD + height * (1 - part)
        yield element("line", x1="0", x2="100%", y1=y, y2=y, class_="grid" if part else "axis")


def _scale(most: int, height: int) -> Iterator[Markup]:
    """In front of the bars, which begin where the plot does."""
    for part in (0.5, 1.0):
        value = most * part
        text = f"{value:,.0f}" if value == int(value) else f"{value:,.1f}"
        yield element("text", text, x="2", y=_HEAD + height * (1 - part) - 4, class_="scale")


def _words(ticks: Sequence[tuple[float, str]], height: int) -> Iterator[Markup]:
    for place, text in ticks:
        anchor = "start" if place < 0.08 else "end" if place > 0.92 else "middle"
        yield element("text", text, x=f"{100 * place:.2f}%", y=_HEAD + height + 15, text_anchor=anchor)


def _round(value: int) -> int:
    """The next number that is easy to halve."""
    size = 1
    while True:
        for factor in (1, 2, 4, 6, 8):
            if factor * size >= value:
                return max(factor * size, 2)
        size *= 10


def _ticks(starts: Sequence[datetime], step: float) -> list[tuple[float, str]]:
    """Three times, at the middles of their bars."""
    if not starts:
        return []
    span = (starts[-1] - starts[0]).total_seconds()
    form = "%H:%M:%S" if span < 600 else "%H:%M" if span < 86400 else "%d %b %H:%M" if step < 86400 else "%d %b %Y"
    chosen = sorted({0, len(starts) // 2, len(starts) - 1}) if len(starts) > 4 else [0]
    return [((index + 0.5) / len(starts), starts[index].strftime(form)) for index in chosen]


def _used(spreads: Sequence[Sequence[tuple[float, int]]]) -> slice:
    """From the first to the last step that any of them has something in."""
    used = [index for spread in spreads for index, (_, count) in enumerate(spread) if count]
    return slice(min(used), max(used) + 1) if used else slice(0, 0)


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Those between which there is room on a narrow page."""
    kept: list[tuple[float, str]] = []
    for tick in ticks:
        if not kept or tick[0] - kept[-1][0] >= 0.2:
            kept.append(tick)
    return kept


def _told(start: str, numbers: Sequence[int]) -> str:
    counts = ", ".join(f"{count:,} {name}" for name, count in zip(OUTCOMES, numbers, strict=True) if count)
    return f"{shown(start, 'time')}: {counts or 'nothing'}"


def _length(seconds: float) -> str:
    for size, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds / size
            return f"{count:g} {name}" + ("" if count == 1 else "s")
    return f"{seconds:g} second" + ("" if seconds == 1 else "s")
