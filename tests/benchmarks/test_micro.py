from __future__ import annotations

import pytest

from benchmarks.micro import main, measure, pieces


def test_every_piece_does_its_work() -> None:
    results = {title: piece() for title, piece in pieces().items()}
    nothing = {title for title, result in results.items() if result is None}
    assert nothing == {"miss in the replay store", "keep an answer"}


def test_costs_are_positive() -> None:
    assert measure({"nothing much": lambda: 1}, seconds=0.001)["nothing much"] > 0


def test_prints_a_line_a_piece(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seconds", "0.001", "--only", "replay"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 4
