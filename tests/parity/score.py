#!/usr/bin/env python3
"""Run the corpus against this server and print the score by directory.

    python tests/parity/score.py [--only PATTERN] [--jobs N] [--json OUT] [CASE...]

Exits with 1 when a case that needs only built directives fails and is not listed in deviations.yaml.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from isolation import isolate
from runner.cases import find_cases, read_data
from runner.cli import as_json
from runner.runs import Result, run_all
from selection import CASES, built_directives, deviations, missing_directives

ROOT = Path(__file__).resolve().parents[2]
SERVER = f"{sys.executable} -m resolver -conf {{corefile}}"
RETRIES = 12  # more failures than that are no accident of a busy machine

Row = Counter[str]
COLUMNS = ("passed", "failed", "deviates", "skipped", "not built")


def main() -> int:
    """Runs the cases and reports; 0 if none failed that should pass."""
    arguments = parse_arguments()
    if not isolate():
        print("No network namespace here: servers under test listen on this machine's addresses.", flush=True)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    cases = list(find_cases(arguments.cases or [str(CASES)], arguments.only or None))
    results = run(cases, arguments.server, arguments.jobs)
    if arguments.json:
        Path(arguments.json).write_text(as_json(results), encoding="utf-8")
    kinds = {result.case: kind_of(result, path) for result, path in zip(results, dict(cases).values(), strict=True)}
    report(results, kinds)
    return 0 if kinds and "failed" not in kinds.values() else 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run the parity corpus and print the score by directory.")
    parser.add_argument("--server", default=SERVER, help="command line; {corefile} is replaced by the file's path")
    parser.add_argument("--only", help="glob or regex over directory/slug")
    parser.add_argument("--jobs", type=int, default=4, help="cases run at the same time (default 4)")
    parser.add_argument("--json", help="write all results to this file")
    parser.add_argument("cases", nargs="*", help="directories of cases, or single files (default: all)")
    return parser.parse_args()


def run(cases: Sequence[tuple[str, Path]], server: str, jobs: int) -> list[Result]:
    """One result per case, in the order of the cases.

    Cases are about seconds, and a busy machine loses some: a few that fail side by side get a second run, one by one.
    """
    results = {result.case: result for result in run_all(cases, server, recording=False, jobs=jobs)}
    again = [(name, path) for name, path in cases if not results[name].ok and not needs_more(path)]
    if jobs > 1 and len(again) <= RETRIES:
        for result in run_all(again, server, recording=False, jobs=1):
            if result.ok:
                print(f"again {result.case}: failed beside others ({results[result.case].error}), passed alone")
            results[result.case] = result
    return [results[name] for name, _ in cases]


def needs_more(path: Path) -> list[str]:
    """The directives that a case needs and that are not built."""
    return missing_directives(read_data(path), built_directives())


def kind_of(result: Result, path: Path) -> str:
    """The column in which a case counts."""
    if result.skipped:
        return "skipped"
    if needs_more(path):
        return "not built"  # also where it passes: a case that expects a refusal would, for the wrong reason
    if result.ok:
        return "passed"
    return "deviates" if result.case in deviations() else "failed"


def report(results: Iterable[Result], kinds: dict[str, str]) -> None:
    """A line for each failure and skip, then a row for each directory and one for all."""
    for result in results:
        if kinds[result.case] in ("failed", "skipped"):
            print(f"{kinds[result.case]:8} {result.case}: {brief(result.skipped or result.error or '')}")
    table: dict[str, Row] = {}
    for case, kind in kinds.items():
        table.setdefault(case.split("/")[0], Row())[kind] += 1
    print(f"\n{'directory':16}" + "".join(f"{name:>10}" for name in ("score", *COLUMNS)))
    for directory, row in table.items():
        print(line(directory, row))
    print(line("all", sum(table.values(), Row())))


def brief(text: str) -> str:
    """Both ends of a long message: the first says what went wrong, the last what the server printed."""
    return text if len(text) <= 240 else f"{text[:120]} ... {text[-115:]}"


def line(name: str, row: Row) -> str:
    """A row of the table; the score is of all cases that could be run."""
    ran = row.total() - row["skipped"]
    score = f"{100 * row['passed'] / ran:.0f} %" if ran else "-"
    return f"{name:16}{score:>10}" + "".join(f"{row[column] or '-':>10}" for column in COLUMNS)


if __name__ == "__main__":
    sys.exit(main())
