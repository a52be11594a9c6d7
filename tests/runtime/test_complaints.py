"""Complaints of the event loop become lines of the log."""

from __future__ import annotations

import asyncio
from io import StringIO

from resolver.runtime.complaints import Complaints
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
