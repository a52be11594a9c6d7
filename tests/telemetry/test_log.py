"""One event, one line, and nobody waits for a reader."""

from __future__ import annotations

import json
import os
from io import StringIO, TextIOWrapper

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.telemetry.log import Log


def written(text: str, form: str = "text") -> str:
    output = StringIO()
    Log(output, form=form, clock=lambda: 1.5).error(text)
    return output.getvalue()


def test_a_line_names_level_and_speaker() -> None:
    output = StringIO()
    log = Log(output)
    log.info("serving")
    log.named("forward").warning("no answer")
    assert output.getvalue() == "[INFO] serving\n[WARNING] plugin/forward: no answer\n"


def test_json_lines_hold_the_fields_too() -> None:
    output = StringIO()
    Log(output, form="json", clock=lambda: 1.5).named("cache").error("full", entries=3, of=object)
    assert json.loads(output.getvalue()) == {
        "time": 1.5, "level": "error", "plugin": "cache", "message": "full", "entries": 3, "of": str(object),
    }  # fmt: skip


def test_levels_below_the_chosen_one_are_left_out() -> None:
    output = StringIO()
    log = Log(output, level="WARNING")
    for say in (log.debug, log.info, log.warning, log.error, log.fatal):
        say("x")
    assert output.getvalue() == "[WARNING] x\n[ERROR] x\n[FATAL] x\n"


def test_details_are_written_while_anybody_wants_them() -> None:
    output = StringIO()
    log = Log(output)
    speaker = log.named("forward")
    for want in (True, True, False):
        log.debugging(want)
    speaker.debug("one")
    log.debugging(False)
    speaker.debug("two")
    assert output.getvalue() == "[DEBUG] plugin/forward: one\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("two\nlines", "two\\nlines"),
        ("colour \x1b[31m", "colour \\x1b[31m"),
        ("next\x85line", "next\\x85line"),
        ("separator\u2028here", "separator\\u2028here"),
        ("lone \udc80 surrogate", "lone \\udc80 surrogate"),
        ("umlaut ü stays", "umlaut ü stays"),
    ],
)
def test_what_is_not_printable_is_escaped(text: str, shown: str) -> None:
    assert written(text) == f"[ERROR] {shown}\n"


@given(st.text())
def test_whatever_is_said_is_one_line(text: str) -> None:
    assert len(written(text).splitlines()) == 1
    assert len(written(text, "json").splitlines()) == 1
    assert json.loads(written(text, "json"))["message"] == text


def test_a_terminal_without_unicode_gets_escapes() -> None:
    reader, writer = os.pipe()
    with open(writer, "w", encoding="ascii") as stream:  # noqa: PTH123
        Log(stream).info("ü")
    assert os.read(reader, 100) == b"[INFO] \\xfc\n"
    os.close(reader)


def test_a_stream_that_is_gone_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    stream = TextIOWrapper(open(writer, "wb", buffering=0), write_through=True)  # noqa: PTH123, SIM115
    Log(stream).info("nobody is there")
    stream.close()
    Log(stream).info("nor here")


def test_a_full_pipe_costs_lines_and_not_time() -> None:
    reader, writer = os.pipe()
    with open(writer, "w", encoding="utf-8") as stream:  # noqa: PTH123
        log = Log(stream)
        for number in range(2000):
            log.info(f"{number} {'x' * 100}")
        before = os.read(reader, 1 << 20)
        log.info("there is room again")
        after = os.read(reader, 1 << 20).decode().splitlines()
    os.close(reader)
    lines = before.decode().splitlines()
    assert lines == [f"[INFO] {number} {'x' * 100}" for number in range(len(lines))]
    assert 0 < len(lines) < 2000
    assert after == [
        f"[WARNING] {2000 - len(lines)} lines were not written, as nobody read the log", "[INFO] there is room again",
    ]  # fmt: skip


def test_all_who_speak_under_one_name_share_one_log() -> None:
    log = Log()
    assert log.named("forward") is log.named("forward")
    assert log.named("forward") is not log.named("cache")
