"""Complaints of the event loop become lines of the log."""

from __future__ import annotations

import asyncio
import json
import logging
from io import StringIO

from resolver.runtime.complaints import Complaints, LibraryLines
from resolver.telemetry.log import Log


async def test_a_complaint_is_one_line_and_its_repeats_are_none() -> None:
    output = StringIO()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(Complaints(Log(output)))
    for _ in range(3):
        loop.call_exception_handler({"message": "cannot accept", "exception": OSError(24, "Too many open files")})
    loop.call_exception_handler({"message": "something else"})
    assert output.getvalue().splitlines() == [
        "[ERROR] cannot accept: OSError: [Errno 24] Too many open files",
        "[ERROR] something else",
    ]


async def test_where_it_happened_is_for_those_who_look_for_it() -> None:
    output = StringIO()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(Complaints(Log(output, level="DEBUG")))
    try:
        raise LookupError("odd")
    except LookupError as error:
        loop.call_exception_handler({"message": "a callback failed", "exception": error})
    assert "[DEBUG] LookupError: odd" in output.getvalue()
    assert "test_complaints.py" in output.getvalue()


async def test_never_the_same_complaints_are_not_remembered_for_ever() -> None:
    complaints = Complaints(Log(StringIO()))
    for number in range(1000):
        complaints(asyncio.get_running_loop(), {"message": str(number)})
    assert len(complaints._said) <= 100


def _told(output: StringIO, *records: tuple[str, int, str], clock: float = 0.0, form: str = "text") -> list[str]:
    lines = LibraryLines(Log(output, form=form), lambda: clock)
    for name, level, text in records:
        lines.handle(logging.LogRecord(name, level, "", 0, text, None, None))
    return output.getvalue().splitlines()


def test_what_libraries_write_is_in_our_form() -> None:
    (line,) = _told(StringIO(), ("asyncio", logging.ERROR, "a task\nwas lost"), form="json")
    assert json.loads(line)["message"] == "asyncio: a task\nwas lost"
    assert _told(StringIO(), ("h11", logging.WARNING, "odd\nline")) == ["[WARNING] h11: odd\\nline"]


def test_what_clients_bring_about_is_for_those_who_look_for_it() -> None:
    assert _told(StringIO(), ("quic", logging.WARNING, "Too many streams open")) == []


def test_libraries_write_no_more_than_anybody_reads() -> None:
    now = 0.0
    output = StringIO()
    lines = LibraryLines(Log(output), lambda: now)
    for number in range(1000):
        lines.handle(logging.LogRecord("asyncio", logging.WARNING, "", 0, str(number), None, None))
    now = 10.0
    lines.handle(logging.LogRecord("asyncio", logging.WARNING, "", 0, "again", None, None))
    assert output.getvalue().splitlines()[20:] == [
        "[WARNING] 980 more lines of libraries were left out", "[WARNING] asyncio: again",
    ]  # fmt: skip
