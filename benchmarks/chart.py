"""The run as an SVG picture: one panel for each figure, one bar for each server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

from benchmarks.report import number
from benchmarks.results import Results
from benchmarks.targets import OURS

_WIDTH, _PANEL, _GAP, _MARGIN = 1000, 460, 30, 25
_BAR, _STEP, _HEAD, _LABEL, _VALUE = 16, 24, 52, 110, 80
_TOP = 78
_OWN, _OTHER, _INK, _PALE, _LINE = "#1f6feb", "#a9b4c2", "#1c2128", "#57606a", "#d0d7de"


@dataclass(frozen=True, slots=True)
class Panel:
    """Bars of one figure; ``better`` says which way is good."""

    title: str
    better: str
    bars: Sequence[tuple[str, float]]
    digits: int = 0

    @property
    def height(self) -> int:
        return _HEAD + _STEP * len(self.bars) + 12


_FIGURES = (
    ("cached", "per_second", "Cached answers over UDP, queries/s", "more is better", 0),
    ("miss", "per_second", "Misses, queries/s", "more is better", 0),
    ("mix", "per_second", "90% cached, 10% new, queries/s", "more is better", 0),
    ("tcp", "per_second", "Cached answers over TCP, queries/s", "more is better", 0),
    ("cached", "cpu_us", "CPU per cached query at 30 k/s, microseconds", "less is better", 1),
    ("miss", "cpu_us", "CPU per miss at 5 k/s, microseconds", "less is better", 1),
    ("cached", "p99_us", "99th percentile, cached at 30 k/s, microseconds", "less is better", 0),
    ("dot", "per_cpu_second", "Cached answers over TLS, per CPU second", "more is better", 0),
    ("doh", "per_cpu_second", "Cached answers over HTTPS, per CPU second", "more is better", 0),
    ("cached", "resident_mib", "Resident with 10,000 cached names, MiB", "less is better", 1),
)


def panels(results: Results) -> list[Panel]:
    """A panel for each figure that at least one server has."""
    made = [Panel(title, better, _bars(results, row, field), digits) for row, field, title, better, digits in _FIGURES]
    made += [_kept(results, row) for row in ("policy", "audit", "ratelimit")]
    made += [
        Panel(f"Misses from {scheme} upstreams, per CPU second", "more is better", _with(results, "upstreams", scheme))
        for scheme in results.variants("upstreams")
    ]
    return [panel for panel in made if panel.bars]


def _kept(results: Results, row: str) -> Panel:
    """Ours with a directive and without it."""
    bars = [(variant, results.median(row, OURS, "per_cpu_second", variant)) for variant in results.variants(row)]
    measured = [(variant.partition(",")[0], value) for variant, value in bars[:2] if value is not None]
    return Panel(f"Cached answers and {row}, per CPU second", "more is better", measured)


def _with(results: Results, row: str, variant: str) -> list[tuple[str, float]]:
    measured = [(server, results.median(row, server, "per_cpu_second", variant)) for server in results.servers(row)]
    return [(server, value) for server, value in measured if value is not None]


def _bars(results: Results, row: str, field: str) -> list[tuple[str, float]]:
    measured = [(server, results.median(row, server, field)) for server in results.servers(row)]
    return [(server, value) for server, value in measured if value is not None]


def render(results: Results, subtitle: str) -> str:
    """A whole SVG document; panels in two columns."""
    shown = panels(results)
    places: list[str] = []
    top = _TOP
    for index in range(0, len(shown), 2):
        pair = shown[index : index + 2]
        places += [_panel(panel, _MARGIN + column * (_PANEL + _GAP), top) for column, panel in enumerate(pair)]
        top += max(panel.height for panel in pair) + 10
    return _document(top + 10, subtitle, places)


def _document(height: int, subtitle: str, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" role="img" aria-label="DNS servers side by side">'
    )
    background = f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>'
    title = _text(_MARGIN, 36, "One core, one worker: DNS servers side by side", 20, _INK, weight="bold")
    return "\n".join([head, background, title, _text(_MARGIN, 58, subtitle, 12, _PALE), *parts, "</svg>"]) + "\n"


def _panel(panel: Panel, left: int, top: int) -> str:
    longest = max(value for _, value in panel.bars) or 1.0
    room = _PANEL - _LABEL - _VALUE
    parts = [
        f'<line x1="{left}" y1="{top}" x2="{left + _PANEL}" y2="{top}" stroke="{_LINE}"/>',
        _text(left, top + 22, panel.title, 14, _INK, weight="bold"),
        _text(left, top + 39, panel.better, 11, _PALE),
    ]
    for index, (server, value) in enumerate(panel.bars):
        width = max(1.0, room * value / longest)
        parts.append(_bar(server, number(value, panel.digits), left, top + _HEAD + index * _STEP, width))
    return "\n".join(parts)


def _bar(server: str, value: str, left: int, top: int, width: float) -> str:
    own = server == OURS
    start, weight, fill = left + _LABEL, "bold" if own else "normal", _OWN if own else _OTHER
    return "\n".join(
        [
            _text(start - 8, top + 13, server, 12, _INK, anchor="end", weight=weight),
            f'<rect x="{start}" y="{top}" width="{width:.1f}" height="{_BAR}" rx="2" fill="{fill}"/>',
            _text(round(start + width + 6), top + 13, value, 12, _INK, weight=weight),
        ]
    )


def _text(x: int, y: int, words: str, size: int, colour: str, anchor: str = "start", weight: str = "normal") -> str:
    look = f'font-size="{size}" fill="{colour}" text-anchor="{anchor}" font-weight="{weight}"'
    return f'<text x="{x}" y="{y}" {look}>{escape(words)}</text>'
