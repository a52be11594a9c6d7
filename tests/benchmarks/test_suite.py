"""The whole command, with what is installed replaced by a server of ours that costs nothing to start."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import peers
from benchmarks.__main__ import main
from benchmarks.peers.base import Peer, Setup

ROOT = Path(__file__).resolve().parents[2]


def answering(setup: Setup) -> list[str]:
    return [sys.executable, "-m", "benchmarks.responder", str(setup.port)]


def ending(setup: Setup) -> list[str]:
    return [sys.executable, "-c", f"raise SystemExit('no port {setup.port} today')"]


@pytest.fixture
def two_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    environment = {"PYTHONPATH": str(ROOT)}
    made = tuple(
        Peer(name=name, program=sys.executable, command=command, ask_version=("--version",), environment=environment)
        for name, command in (("ours", answering), ("broken", ending))
    )
    monkeypatch.setattr(peers, "PEERS", made)


def run(*words: str) -> int:
    return main(["--quick", "--seconds", "0.2", "--generator", "python", *words])


@pytest.mark.usefixtures("two_peers")
def test_a_run_prints_a_table_and_writes_json_and_svg(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    figures, picture = tmp_path / "bench.json", tmp_path / "bench.svg"
    assert run("--only", "cached", "--json", str(figures), "--svg", str(picture)) == 0
    printed = capsys.readouterr().out
    assert "cached answers, 10,000 names, UDP" in printed
    assert "broken did not start: ended with status 1: no port" in printed
    found = json.loads(figures.read_text())
    (sample,) = found["samples"]
    assert (sample["server"], sample["lost"], sample["failed"]) == ("ours", 0, 0)
    assert sample["cpu_us"] > 0
    assert found["first_answer"][0]["seconds"] > 0
    assert picture.read_text().startswith("<svg")


@pytest.mark.usefixtures("two_peers")
def test_a_server_that_is_not_known_ends_the_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--servers", "ours,bind9") == 1
    assert "no such server: bind9" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [["--only", "cached,nonsense"], ["--seconds", "0"], ["--json", "/nonexistent/bench.json"]]
)
def test_wrong_options_are_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(words)
    assert "error" in capsys.readouterr().err
