"""The configurations with many zones mean what they should, and a run prints its table."""

from __future__ import annotations

import pytest

from benchmarks.startup import FORMS, Ports, main
from resolver.config.load import load_text
from resolver.runtime.plan import assemble
from resolver.runtime.throwaway import throwaway_host


@pytest.mark.parametrize(("form", "blocks", "zones"), [("blocks", 21, 21), ("lines", 1, 1), ("keys", 1, 21)])
def test_every_form_is_a_configuration(form: str, blocks: int, zones: int) -> None:
    plan = assemble(load_text(FORMS[form](20, Ports(5300, 9153, 5301)), environ={}), throwaway_host())
    assert len(plan.blocks) == blocks
    assert [len(service.router) for service in plan.services.values()] == [zones]


def test_a_run_prints_a_line_for_each_number_of_zones(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--forms", "blocks", "--zones", "1,30"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [["blocks", "1"], ["blocks", "30"]]


@pytest.mark.parametrize("words", [["--zones", "0"], ["--zones", "20000"], ["--zones", "many"], ["--forms", "circles"]])
def test_nonsense_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit):
        main(words)
