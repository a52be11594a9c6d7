"""Tables that fit and obey nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolver.report.terminal import Style, cut, lines, plain
from tests.report.reporting import findings, line, written
from tests.support.audit_lines import encoded

_ESCAPES = "\x1b]0;title\x07\x9b31m\u202e\u200b\r\n"


@pytest.mark.parametrize("width", [60, 80, 120, 250])
def test_no_line_is_wider_than_the_terminal(tmp_path: Path, width: int) -> None:
    log = tmp_path / "log"
    log.write_bytes(encoded(5000))
    report = findings(str(log), baseline=written(tmp_path / "before", line()))
    shown = list(lines(report, Style(width, colours=False), in_full=True))
    too_wide = [one for one in shown if len(one) > width]
    assert too_wide == []
    assert len(shown) > 100


def test_a_hostile_log_cannot_speak_to_the_terminal(tmp_path: Path) -> None:
    hostile = line(name=_ESCAPES, namespace=_ESCAPES, owner=_ESCAPES, rule=_ESCAPES, decision="deny", type=_ESCAPES)
    hostile |= {
        "ede": [{"code": _ESCAPES, "text": _ESCAPES}],
        "rcode": _ESCAPES,
        "upstream": _ESCAPES,
        "upstream_ms": 1.0,
    }
    report = findings(written(tmp_path / "log", hostile), top=5)
    for one in lines(report, Style(100, colours=False), in_full=True):
        assert one.isprintable(), one


def test_what_is_said_of_nothing(tmp_path: Path) -> None:
    shown = list(lines(findings(written(tmp_path / "log")), Style(80, colours=False), in_full=False))
    assert shown[1] == "No queries."
    assert "Nothing was denied." in shown


def test_colours_are_for_those_who_look() -> None:
    assert Style(80, colours=True).heading("a") != "a"
    assert Style(80, colours=False).heading("a") == "a"


def test_a_long_name_keeps_both_ends() -> None:
    assert cut("www.a-rather-long-name.example.", 15) == "www.a-r…xample."
    assert plain("a\x1bb") == "a\\x1bb"
