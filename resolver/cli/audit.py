"""``resolver audit report FILE...``: what audit lines tell, as tables, JSON or a page."""

from __future__ import annotations

import argparse
import gc
import io
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TextIO

from resolver.errors import ResolverError
from resolver.report.baseline import Baseline
from resolver.report.collect import Collector, Filter, normal_time
from resolver.report.findings import work_out
from resolver.report.ledger import Ledger
from resolver.report.lines import decoder
from resolver.report.model import Findings
from resolver.report.page import page
from resolver.report.sources import Sources
from resolver.report.terminal import Style, lines

_WIDTH = 120  # characters, where nobody looks
_UNITS = {"m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_MOST = 1000
_SHOWN = 3  # names of files in a message


def run(arguments: list[str]) -> int:
    """Write the report; 0 whatever is in it. Raises ResolverError for files that cannot be read or written, and for
    those in which there are no audit lines.
    """
    flags = _parser().parse_args(arguments)
    with _without_collector():
        findings = _findings(flags)
    if flags.html:
        _write(flags.html, page(findings))
        if flags.html == "-":
            return 0
    if flags.json:
        print(json.dumps(asdict(findings), indent=2))
    elif not flags.html:
        if isinstance(sys.stdout, io.TextIOWrapper):  # names are whatever somebody asked for, terminals are not
            sys.stdout.reconfigure(errors="backslashreplace")
        style = Style(_columns(), colours=sys.stdout.isatty() and not os.environ.get("NO_COLOR"))
        for line in lines(findings, style, in_full=bool(flags.namespace)):
            print(line)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="resolver audit", description="Look at what the directive audit wrote.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    report = commands.add_parser(
        "report", help="what was asked, by whom, and what was answered", description="Report on audit lines."
    )
    report.add_argument("files", nargs="+", metavar="FILE", help="audit lines, also compressed; - for standard input")
    report.add_argument(
        "--baseline", nargs="+", action="extend", metavar="FILE", help="earlier audit lines, to say which names are new"
    )
    report.add_argument(
        "--since",
        type=_time,
        metavar="TIME",
        help="leave out what is older: 2026-11-23, 2026-11-23T10:00:00Z, 36h, 7d",
    )
    report.add_argument("--until", type=_time, metavar="TIME", help="leave out this time and what is later")
    report.add_argument(
        "--namespace",
        action="append",
        default=[],
        metavar="NAME",
        help="this namespace alone, with its names; may be repeated",
    )
    report.add_argument("--top", type=_top, default=20, metavar="N", help="entries of each list (default: 20)")
    report.add_argument("--json", action="store_true", help="write JSON instead of tables")
    report.add_argument(
        "--html", metavar="FILE", help="write a page that needs nothing else, with plots; - for standard output"
    )
    return parser


def _time(text: str) -> str:
    """A time as audit lines write it, from a time, a date, or how long ago."""
    if ago := re.fullmatch(r"(\d{1,6})([mhdw])", text):
        then = datetime.now(UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]])
        return normal_time(then.isoformat())
    if not (time := normal_time(text)):
        raise argparse.ArgumentTypeError(f"{text} is no time such as 2026-11-23, 2026-11-23T10:00:00Z or 36h")
    return time


def _top(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= _MOST:
        raise argparse.ArgumentTypeError(f"{text} is no number from 1 to {_MOST}")
    return int(text)


def _findings(flags: argparse.Namespace) -> Findings:
    # All files are looked for first: nobody wants to hear of a wrong name after an hour.
    sources = Sources(flags.files)
    earlier = Sources(flags.baseline) if flags.baseline else None
    if [*flags.files, *(flags.baseline or [])].count("-") > 1:
        raise ResolverError("standard input (-) can be read once")
    decode = decoder()
    baseline = None
    if earlier is not None:
        baseline = Baseline()
        baseline.read(earlier, decode)
        if not len(baseline):
            raise ResolverError(f"{_named(flags.baseline)}: there are no names to compare with")
    collector = Collector(Ledger(baseline), Filter(flags.since or "", flags.until or "", flags.namespace))
    with _Progress(sys.stderr) as progress:
        collector.read(sources, decode, progress.tell)
    if not (collector.lines or collector.left_out or collector.lost):
        bad = collector.bad + sources.too_long
        why = f"none of {bad:,} lines is an audit line" if bad else "there are no lines"
        raise ResolverError(f"{_named(flags.files)}: {why}")
    return work_out(collector, sources, flags.top)


def _named(files: list[str]) -> str:
    names = ["standard input" if name == "-" else name for name in files]
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


class _Progress:
    """How far it is, once a second, for somebody who waits at a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream if stream.isatty() else None
        self._next = time.monotonic() + 1
        self._said = False

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._said and self._stream is not None:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def tell(self, lines: int) -> None:
        """So many lines were read."""
        if self._stream is not None and time.monotonic() >= self._next:
            self._next = time.monotonic() + 1
            self._said = True
            self._stream.write(f"\r{lines:,} lines")
            self._stream.flush()


@contextmanager
def _without_collector() -> Iterator[None]:
    """Nothing here makes circles, and looking for them among a million records takes a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _columns() -> int:
    return shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() or "COLUMNS" in os.environ else _WIDTH


def _write(name: str, text: str) -> None:
    if name == "-":
        sys.stdout.write(text)
        return
    try:
        Path(name).write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResolverError(f"cannot write {name}: {error.strerror or error}") from None
    print(f"wrote {name}", file=sys.stderr)
