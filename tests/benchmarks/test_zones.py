"""The zone that is measured, and the servers that have it."""

from __future__ import annotations

import itertools
from pathlib import Path

from benchmarks import names, zones
from benchmarks.load import with_dnssec
from benchmarks.measure import CACHED_NAMES
from benchmarks.names import ZONE, question
from benchmarks.peers.base import Setup
from resolver.chain.query import parse
from resolver.config.load import load_text
from resolver.wire.constants import A
from resolver.wire.names import from_text
from resolver.zone.data import build
from resolver.zone.lookup import Outcome, lookup
from resolver.zone.text import MasterFile


def test_every_name_that_is_asked_for_is_in_the_zone(tmp_path: Path) -> None:
    path = tmp_path / "zone"
    path.write_text(zones.zone_text())
    zone = build(from_text(ZONE), MasterFile(path, from_text(ZONE)).records())
    asked = [*zones.known(), *itertools.islice(names.respelled(list(zones.known()), 0), 2 * CACHED_NAMES)]
    assert {lookup(zone, from_text(name).lower(), A).outcome for name in asked} == {Outcome.ANSWER}


def test_names_in_other_letters_do_not_come_twice() -> None:
    known = list(zones.known())
    seen = [*itertools.islice(names.respelled(known, 0), 3 * CACHED_NAMES)]
    seen += itertools.islice(names.respelled(known, 1), 3 * CACHED_NAMES)
    assert len(set(seen)) == len(seen)


def test_both_servers_with_a_corefile_read_the_same(tmp_path: Path) -> None:
    text = zones.corefile(Setup(5353, 53, 9153, tmp_path, 0), tmp_path / "zone")
    (block,) = load_text(text, environ={}).blocks
    assert [directive.name.text for directive in block.directives] == ["bind", "errors", "prometheus", "file"]


def test_a_question_of_the_python_generator_may_have_do() -> None:
    query = parse(b"\0\1" + with_dnssec(question(f"a.{ZONE}")[2:]), ("", 0), ("", 0), "udp", 0.0)
    assert query.do
    assert query.qtype == A
