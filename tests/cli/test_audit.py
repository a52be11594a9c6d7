"""``resolver audit report`` as an auditor types it."""

from __future__ import annotations

import gzip
import io
import json
from itertools import count
from pathlib import Path

import pytest

from resolver.cli.main import main
from tests.report.reporting import line, written
from tests.support.audit_lines import encoded


@pytest.fixture
def log(tmp_path: Path) -> str:
    path = tmp_path / "audit.log"
    path.write_bytes(encoded(3000))
    return str(path)


def test_tables_are_what_comes_without_options(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "report", log]) == 0
    out = capsys.readouterr().out
    assert "3,000  queries" in out
    for title in ("New names", "Denials", "Signs of tunnelling", "Waste", "Times"):
        assert f"\n{title}\n" in out
    assert "\x1b" not in out
    assert max(map(len, out.splitlines())) <= 120


def test_json_has_the_same_figures(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "report", log, "--json", "--top", "3"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["queries"] == 3000 == sum(report["outcomes"].values())
    assert len(report["top_names"]) == 3


def test_a_page_is_written_to_a_file(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "report", log, "--html", str(tmp_path / "report.html")]) == 0
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")
    assert capsys.readouterr().out == ""


def test_rotated_and_compressed_files_make_one_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    old = tmp_path / "audit.log.1.gz"
    old.write_bytes(gzip.compress(encoded(100)))
    assert main(["audit", "report", written(tmp_path / "audit.log", line()), str(old), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["queries"] == 101


def test_new_names_need_a_baseline(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = written(tmp_path / "before", line())
    after = written(tmp_path / "after", line(), line(name="new.example."))
    assert main(["audit", "report", after, "--baseline", before, "--json"]) == 0
    assert [one["name"] for one in json.loads(capsys.readouterr().out)["new_names"]] == ["new.example."]


def test_a_namespace_is_shown_with_its_names(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = written(tmp_path / "log", line(), line(namespace="other", name="other.example."))
    assert main(["audit", "report", log, "--namespace", "web"]) == 0
    out = capsys.readouterr().out
    assert "Names of web" in out
    assert "other.example." not in out


def test_since_and_until_leave_out_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = written(tmp_path / "log", *(line(second) for second in (0, 10, 20)))
    bounds = ["--since", "2026-11-22T10:00:05Z", "--until", "2026-11-22T10:00:20Z"]
    assert main(["audit", "report", log, "--json", *bounds]) == 0
    assert json.loads(capsys.readouterr().out)["queries"] == 1


def test_how_long_ago_is_a_time_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = written(tmp_path / "log", line(), line() | {"time": "2020-01-01T00:00:00.000000Z"})
    assert main(["audit", "report", log, "--json", "--until", "52w"]) == 0
    assert json.loads(capsys.readouterr().out)["first"].startswith("2020")


@pytest.mark.parametrize("option", [["--since", "soon"], ["--top", "0"], ["--top", "many"]])
def test_a_wrong_option_is_refused(log: str, option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["audit", "report", log, *option])
    assert end.value.code == 2
    assert option[1] in capsys.readouterr().err


def test_a_file_that_is_not_there_is_said(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "report", log, "/nowhere/audit.log"]) == 1
    assert "cannot read /nowhere/audit.log: no such file" in capsys.readouterr().err


def test_a_page_that_cannot_be_written_is_said(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "report", log, "--html", "/nowhere/report.html"]) == 1
    assert "cannot write /nowhere/report.html" in capsys.readouterr().err


def test_standard_input_is_read_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "report", "-", "--baseline", "-"]) == 1
    assert "once" in capsys.readouterr().err


def test_somebody_who_waits_at_a_terminal_sees_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal, seconds = Terminal(), count()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setattr("resolver.cli.audit.time.monotonic", lambda: next(seconds))
    assert main(["audit", "report", written(tmp_path / "log", line()), "--json"]) == 0
    assert terminal.getvalue() == "\r1 lines\r\x1b[K"
    assert json.loads(capsys.readouterr().out)["queries"] == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "there are no lines"),
        ("2026-11-22 GET / 200\n[INFO] hello\n", "none of 2 lines is an audit line"),
        (
            '{"time":"2026-11-22T10:00:00.000000Z","level":"info","message":"hello"}\n',
            "none of 1 lines is an audit line",
        ),
    ],
)
def test_a_file_without_audit_lines_is_a_mistake(
    tmp_path: Path, content: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.log"
    other.write_text(content)
    assert main(["audit", "report", str(other), "--html", str(tmp_path / "page.html")]) == 1
    assert words in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


def test_a_baseline_without_audit_lines_is_a_mistake(
    log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", "report", log, "--baseline", written(tmp_path / "other", "hello")]) == 1
    assert "no names to compare with" in capsys.readouterr().err


def test_a_period_without_queries_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", "report", written(tmp_path / "log", line()), "--since", "2027-01-01"]) == 0
    assert "No queries." in capsys.readouterr().out
