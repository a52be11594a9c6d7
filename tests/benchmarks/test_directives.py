"""The names of each row meet the directives that the row is about, and the figures are reported."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Iterable
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.__main__ import main
from benchmarks.directives import CASES, ONCE, REPEATS, Case
from benchmarks.names import ZONE, cached
from benchmarks.results import Results
from resolver.chain.plugin import Plugin
from resolver.chain.query import Query, Site
from resolver.chain.reply import Reply, from_records
from resolver.wire.constants import NOERROR, A
from resolver.wire.names import from_text, to_text
from resolver.wire.records import record
from tests.benchmarks.test_report import sample
from tests.plugins.chains import World, question

BY_KEY = {case.row.key: case for case in CASES}


def first_new(case: Case, count: int) -> list[str]:
    return list(itertools.islice(case.new("f"), count))


def passed_on(case: Case, asked: Iterable[str], root: Path) -> tuple[list[str], list[Reply]]:
    """What the first directive of the case makes of questions: names that went on, and the answers."""
    seen: list[str] = []

    async def upstream(query: Query) -> Reply:
        seen.append(to_text(query.qname))
        return from_records(query, "forward", [record(query.qname, A, 60, bytes(4))])

    async def ask_all(part: Plugin) -> list[Reply]:
        await part.start()
        try:
            return [await part.resolve(_asked(name), upstream) for name in asked]
        finally:
            await part.stop()

    part = World().part(f". {{\n{case.directives(root)}}}\n")
    return seen, asyncio.run(ask_all(part))


def _asked(name: str) -> Query:
    query = question(name)
    query.site = Site("dns://:53", ".")
    return query


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.row.key)
def test_repeats_are_ten_thousand_names_and_no_new_name_comes_twice(case: Case) -> None:
    known = list(case.known())
    new = [*first_new(case, 60_000), *itertools.islice(case.new("s"), 60_000)]
    assert len(known) == len(set(known)) == 10_000
    assert len(set(new)) == len(new)
    assert not set(new) & set(known)


def test_every_name_of_rewrite_becomes_one_that_the_upstream_was_asked_for(tmp_path: Path) -> None:
    case = BY_KEY["rewrite"]
    rewritten, _ = passed_on(case, case.known(), tmp_path)
    assert set(rewritten) <= {f"{name}." for name in cached(10_000)}
    assert len(rewritten) == 10_000
    again, _ = passed_on(case, first_new(case, 200), tmp_path)
    assert set(again) <= set(rewritten)


def test_rewrite_has_as_many_rules_of_each_kind_as_its_title_says(tmp_path: Path) -> None:
    rules = BY_KEY["rewrite"].directives(tmp_path)
    assert [rules.count(f"name {kind} ") for kind in ("exact", "suffix", "regex")] == [1_000, 100, 5]


@pytest.mark.parametrize("key", ["template", "hosts"])
def test_template_and_hosts_answer_every_name_themselves(key: str, tmp_path: Path) -> None:
    case = BY_KEY[key]
    asked = [*case.known(), *first_new(case, 12_000)]
    seen, replies = passed_on(case, asked, tmp_path)
    assert seen == []
    assert {reply.rcode for reply in replies} == {NOERROR}
    assert {len(reply.sections.answer) for reply in replies} == {1}


def test_the_template_answers_with_the_address_in_the_name(tmp_path: Path) -> None:
    _, (reply,) = passed_on(BY_KEY["template"], [f"ip-10-1-2-3.dyn.{ZONE}"], tmp_path)
    assert reply.sections.answer[0].rdata == bytes([10, 1, 2, 3])
    assert reply.sections.answer[0].owner == from_text(f"ip-10-1-2-3.dyn.{ZONE}")


def test_the_row_is_measured_with_a_server_of_its_own(tmp_path: Path) -> None:
    figures = tmp_path / "bench.json"
    words = ["--quick", "--seconds", "0.2", "--generator", "python", "--servers", "ours", "--only", "hosts"]
    assert main([*words, "--json", str(figures)]) == 0
    samples = json.loads(figures.read_text())["samples"]
    assert [(one["server"], one["variant"]) for one in samples] == [("ours", REPEATS), ("ours", ONCE)]
    assert all(one["per_second"] > 0 and one["failed"] == 0 for one in samples)


def test_ratios_to_coredns_are_told_for_each_variant() -> None:
    found = Results()
    for variant, speed in ((REPEATS, 80_000), (ONCE, 20_000)):
        found.samples += [sample("rewrite", "ours", speed, variant=variant)]
        found.samples += [sample("rewrite", "coredns", 40_000, variant=variant)]
    lines = [line.split() for line in report.render(found, {}, []).splitlines()]
    assert ["rewrite,", "repeats,", "coredns", "2.00x", "2.00x", "1.00x"] in lines
    assert ["rewrite,", "each", "name", "once,", "coredns", "0.50x", "0.50x", "1.00x"] in lines
