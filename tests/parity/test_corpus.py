"""The parity cases that need only directives that are built, run as one batch and reported one by one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.parity.selection import HERE, all_cases, built_directives, deviations, missing_directives

MINUTES = 25
JOBS = 4
ROOT = HERE.parents[1]

Result = dict[str, Any]
ResultOf = Callable[[str], Result]


class CannotRunError(Exception):
    """A case that could not be carried out, which says nothing about the server."""


def due_cases() -> dict[str, Path]:
    """The cases whose directives are all built."""
    built = built_directives()
    return {
        name: path
        for name, path in all_cases().items()
        if not missing_directives(yaml.safe_load(path.read_text(encoding="utf-8")), built)
    }


def parameters() -> list[Any]:
    """One parameter a case; those that deviate on purpose must go on doing so."""
    listed = deviations()
    return [
        pytest.param(
            name,
            id=name,
            marks=[pytest.mark.xfail(strict=True, raises=AssertionError, reason=listed[name].reason)]
            if name in listed
            else [],
        )
        for name in due_cases()
    ]


@pytest.fixture(scope="session")
def result_of(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ResultOf:
    """How every selected case went, from one run of them all, side by side."""
    cases = all_cases()
    tests = [item for item in request.session.items if isinstance(item, pytest.Function)]
    selected = [str(test.callspec.params["case"]) for test in tests if test.function is test_case]
    out = tmp_path_factory.mktemp("parity") / "results.json"
    command = [sys.executable, str(HERE / "score.py"), "--jobs", str(JOBS), "--json", str(out)]
    run = subprocess.run(
        command + [str(cases[name]) for name in selected],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        timeout=60 * MINUTES,
        check=False,
    )
    if not out.exists():
        raise CannotRunError(run.stdout + run.stderr)
    rows: list[Result] = json.loads(out.read_text(encoding="utf-8"))
    return {row["case"]: row for row in rows}.__getitem__


@pytest.mark.parametrize("case", parameters())
def test_case(case: str, result_of: ResultOf) -> None:
    result = result_of(case)
    if result.get("skipped"):
        pytest.skip(result["skipped"])
    if str(result["error"]).startswith("cannot run:"):
        raise CannotRunError(result["error"] + "\n" + result.get("trace", ""))
    assert result["ok"], result["error"]


def test_deviations_name_cases_that_are_run_and_say_why() -> None:
    due = due_cases()
    for deviation in deviations().values():
        assert deviation.case in due
        assert len(deviation.reason) > 20
        assert deviation.standard
