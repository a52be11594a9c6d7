"""What an auditor asks, answered from lines."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from resolver.report.collect import CELLS, Collector, Filter, normal_time
from resolver.report.findings import bars
from resolver.report.ledger import Ledger
from resolver.report.lines import Decode, Line, decoder, with_json
from resolver.report.sections import facts
from tests.report.reporting import findings, line, written
from tests.support.audit_lines import encoded


@pytest.mark.parametrize("decode", [decoder(), with_json])
def test_period_volume_and_outcomes(tmp_path: Path, decode: Decode) -> None:
    report = findings(
        written(
            tmp_path / "log",
            line(5),
            line(1, rcode="NXDOMAIN", answers=0),
            line(9, rcode="SERVFAIL", ede=[{"code": 22, "text": "no upstream"}]),
            line(7, rcode="REFUSED", decision="deny", rule="no-mining"),
        ),
        decode=decode,
    )
    assert (report.first, report.last) == ("2026-11-22T10:00:01.000000Z", "2026-11-22T10:00:09.000000Z")
    assert report.outcomes == {"answered": 1, "NXDOMAIN": 1, "failed": 1, "denied": 1}
    assert [(one.rcode, one.code, one.queries) for one in report.failures] == [
        ("REFUSED", "", 1),
        ("SERVFAIL", "", 1),
        ("SERVFAIL", "22", 1),
    ]
    assert sum(sum(numbers) for _, numbers in report.over_time) == report.queries == 4


def test_names_that_the_baseline_lacks_are_new_for_their_namespace(tmp_path: Path) -> None:
    before = written(tmp_path / "before", line(), line(name="shared.example.", namespace="other"))
    after = written(
        tmp_path / "after", line(), line(name="shared.example."), line(name="new.example."), line(name="new.example.")
    )
    report = findings(after, baseline=before)
    assert [(one.name, one.queries, one.elsewhere) for one in report.new_names] == [
        ("new.example.", 2, False),
        ("shared.example.", 1, True),
    ]
    assert (report.new_count, report.new_different) == (2, 2)
    assert report.reading.baseline_names == 2


def test_a_name_that_is_new_for_two_namespaces_is_one_name(tmp_path: Path) -> None:
    before = written(tmp_path / "before", line(), '{"time":"2026-11-22T10:00:00.000000Z","lost":17}')
    new = [line(name="new.example.", namespace=namespace) for namespace in ("web", "batch")]
    report = findings(written(tmp_path / "after", line(), *new), baseline=before)
    assert (report.names, report.new_count, report.new_different, report.reading.baseline_names) == (2, 2, 1, 1)
    shown = dict(facts(report))
    assert (shown["new names"], shown["new pairs of namespace and name"]) == ("1", "2")


def test_without_a_baseline_nothing_is_called_new(tmp_path: Path) -> None:
    report = findings(written(tmp_path / "log", line()))
    assert report.new_names == []
    assert report.reading.baseline_names is None


def test_denials_are_counted_by_rule_namespace_and_name_and_audit_only_is_none(tmp_path: Path) -> None:
    denied: dict[str, Any] = {"rcode": "REFUSED", "decision": "deny", "rule": "default", "name": "x.example."}
    report = findings(
        written(
            tmp_path / "log",
            line(**denied),
            line(**denied),
            line(**denied | {"namespace": "batch"}),
            line(decision="audit-only", rule="next", name="y.example."),
        )
    )
    assert [(one.decision, one.rule, one.namespace, one.name, one.queries) for one in report.denials] == [
        ("deny", "default", "web", "x.example.", 2),
        ("audit-only", "next", "web", "y.example.", 1),
        ("deny", "default", "batch", "x.example.", 1),
    ]
    assert report.outcomes["denied"] == 3
    assert report.rules[0] == ("deny", "default", 3)


def test_a_suffix_is_waste_where_the_bare_name_was_found_later(tmp_path: Path) -> None:
    tried = [f"api.example.{suffix}" for suffix in ("web.svc.cluster.local.", "svc.cluster.local.", "cluster.local.")]
    missing = {"rcode": "NXDOMAIN", "answers": 0}
    report = findings(
        written(
            tmp_path / "log",
            *(line(1, name=name, **missing) for name in tried),
            line(2, name="api.example."),
            line(3, name="really.missing.example.", **missing),
            line(4, name="api.example.cluster.local.", namespace="other", **missing),  # did not ask for the bare name
        )
    )
    assert report.waste.nxdomain == 5
    assert report.waste.search == 3
    assert report.waste.search_by_namespace == {"web": 3}
    assert {one.suffix for one in report.waste.searches} == {
        "web.svc.cluster.local.",
        "svc.cluster.local.",
        "cluster.local.",
    }


def test_a_name_that_was_found_only_before_is_no_waste_of_a_search_path(tmp_path: Path) -> None:
    gone = line(5, name="api.example.cluster.local.", rcode="NXDOMAIN", answers=0)
    assert findings(written(tmp_path / "log", line(1, name="api.example."), gone)).waste.search == 0


def test_aaaa_is_unused_where_no_address_came_also_behind_an_alias(tmp_path: Path) -> None:
    report = findings(
        written(
            tmp_path / "log",
            line(type="AAAA", answers=0),
            line(type="AAAA", answers=1, aliases=["cdn.example."]),
            line(type="AAAA", answers=2, aliases=["cdn.example."], name="six.example."),
            line(type="AAAA", answers=0, rcode="NXDOMAIN", name="none.example."),
        )
    )
    assert (report.waste.aaaa, report.waste.empty_aaaa) == (4, 2)
    assert [(one.name, one.queries) for one in report.waste.empty_aaaa_names] == [("www.example.org.", 2)]


def test_a_tunnel_is_told_by_several_signs_and_says_why(tmp_path: Path) -> None:
    source = random.Random(7)
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    odd = [
        line(index, name="".join(source.choices(alphabet, k=50)) + ".t.evil.example.", type="TXT", size=600)
        for index in range(300)
    ]
    usual = [line(index, name=f"host{index % 30}.cdn.example.") for index in range(300)]
    report = findings(written(tmp_path / "log", *odd, *usual))
    (tunnel,) = report.tunnels
    assert (tunnel.client, tunnel.parent, tunnel.names, tunnel.queries) == ("Deployment/web", "evil.example.", 300, 300)
    why = "; ".join(tunnel.why)
    for sign in (
        "300 different names",
        "labels of up to 50",
        "look random",
        "100% of the queries are TXT",
        "600 octets",
    ):
        assert sign in why


def test_new_names_of_a_tunnel_are_one_entry(tmp_path: Path) -> None:
    before = written(tmp_path / "before", line())
    many = [line(index, name=f"{index}x{index * 7919}.evil.example.") for index in range(200)]
    report = findings(written(tmp_path / "log", *many), baseline=before)
    assert [(one.name, one.names) for one in report.new_names] == [("*.evil.example.", 200)]
    assert report.new_count == 200


def test_search_suffixes_and_reverse_names_are_no_tunnel(tmp_path: Path) -> None:
    lines = [line(index, name=f"{index}.example.web.svc.cluster.local.", rcode="NXDOMAIN") for index in range(500)]
    lines += [line(index, name=f"{index}.2.0.192.in-addr.arpa.", type="PTR") for index in range(500)]
    assert findings(written(tmp_path / "log", *lines)).tunnels == []


def test_rebinding_is_known_by_its_rule_or_by_its_error(tmp_path: Path) -> None:
    report = findings(
        written(
            tmp_path / "log",
            line(name="a.example.", rule="rebinding", decision="deny", ede=[{"code": 15, "text": "rebinding"}]),
            line(name="b.example.", ede=[{"code": 15, "text": "rebinding: 10.0.0.1 is private"}]),
            line(name="c.example."),
            line(name="d.example.", rule="rebinding", decision="audit-only"),
        )
    )
    assert [(one.name, one.why) for one in report.rebinding] == [
        ("a.example.", "rebinding"),
        ("b.example.", "rebinding: 10.0.0.1 is private"),
        ("d.example.", "rebinding, audit-only"),
    ]


def limited(queries: int, second: int = 0, **fields: Any) -> dict[str, Any]:
    """So many queries of a client that a limit turned away."""
    told = {"decision": "deny", "rule": "ratelimit", "limited": queries}
    return {key: value for key, value in (line(second) | told | fields).items() if key not in _OF_A_QUERY and value}


_OF_A_QUERY = ("name", "type", "rcode", "answers", "cache")


@pytest.mark.parametrize("decode", [decoder(), with_json])
def test_a_line_of_a_limit_counts_for_all_queries_that_it_stands_for(tmp_path: Path, decode: Decode) -> None:
    refused = line(rcode="REFUSED", decision="deny", rule="ratelimit", answers=0, cache="")
    report = findings(written(tmp_path / "log", line(), refused, limited(774, 1), limited(9, 4)), decode=decode)
    assert (report.queries, report.outcomes["denied"], report.rules) == (785, 784, [("deny", "ratelimit", 784)])
    assert (report.last[17:19], report.reading.lines, report.reading.bad_lines) == ("04", 4, 0)
    assert [(one.name, one.queries) for one in report.denials] == [("", 783), ("www.example.org.", 1)]
    assert [(one.label, one.denied) for one in report.top_clients] == [("Deployment/web", 784)]
    assert report.names == 1
    assert [note for note in report.notes if "sampled" in note] == []
    assert "2 lines stand for many queries each, which a limit met; 783 of those were turned away" in report.notes[0]


def test_what_a_limit_would_have_turned_away_was_answered_and_has_lines_of_its_own(tmp_path: Path) -> None:
    report = findings(written(tmp_path / "log", line(), limited(50, decision="audit-only")))
    assert (report.queries, report.outcomes["denied"], report.namespaces[0].would_deny) == (1, 0, 50)
    assert report.rules == [("audit-only", "ratelimit", 50)]


def test_a_flood_whose_clients_are_not_told_apart_is_counted_and_said(tmp_path: Path) -> None:
    report = findings(written(tmp_path / "log", line(), limited(5000, client="", owner="", namespace="")))
    assert (report.queries, report.clients) == (5001, 1)
    assert any("5,000 queries without saying whose" in note for note in report.notes)


def test_lines_of_limits_are_counted_where_the_steps_of_the_plot_grow(tmp_path: Path) -> None:
    lines = [one for hour in range(50) for one in (limited(3, hour * 700), line(hour * 700 + 1))]
    report = findings(written(tmp_path / "log", *lines))
    assert sum(sum(numbers) for _, numbers in report.over_time) == report.queries == 200


def test_times_say_where_answers_came_from(tmp_path: Path) -> None:
    denied = line(decision="deny", rule="default", cache="", duration_ms=0.0)
    missed = line(cache="miss", duration_ms=40.0)
    zone = line(cache="", duration_ms=2.0)
    elsewhere = line(cache="", upstream="192.0.2.1:53", duration_ms=30.0)
    report = findings(written(tmp_path / "log", *[denied] * 100, missed, elsewhere, zone, line(), line(cache="stale")))
    assert {one.what: (one.queries, round(one.p50, -1)) for one in report.latencies} == {
        "from the cache": (2, 0),
        "not in the cache": (2, 30),
        "no cache was asked": (1, 0),
        "denied": (100, 0),
    }


def test_a_sampled_line_counts_for_all_it_stands_for(tmp_path: Path) -> None:
    report = findings(written(tmp_path / "log", line(sampled=100), line(rcode="NXDOMAIN", answers=0)))
    assert (report.queries, report.reading.lines) == (101, 2)
    assert report.outcomes["answered"] == 100
    assert any("sampled" in note for note in report.notes)


def test_lost_lines_are_summed_and_no_bad_lines(tmp_path: Path) -> None:
    report = findings(written(tmp_path / "log", line(), '{"time":"2026-11-22T10:00:00.000000Z","lost":17}'))
    assert report.reading.lost_lines == 17
    assert report.reading.bad_lines == 0
    assert report.queries == 1
    assert any("17" in note for note in report.notes)


@pytest.mark.parametrize(
    "wrong",
    [
        "rubbish",
        {"time": "yesterday", "name": "a."},
        {"time": "2026-99-22T10:00:00.000000Z", "name": "a."},
        line(sampled=-5),
        line(sampled=0),
        line(name="x" * 5000),
        line(lost=-1, name=""),
        {"time": "2026-11-22T10:00:00.000000Z", "level": "info", "client": "of another program"},
        {"time": "2026-11-22T10:00:00.000000Z", "limited": -3, "decision": "deny"},
        {"time": "soon", "limited": 3, "decision": "deny"},
    ],
)
def test_a_line_that_is_none_is_counted_and_changes_nothing_else(tmp_path: Path, wrong: object) -> None:
    report = findings(written(tmp_path / "log", line(), wrong, line()))  # type: ignore[arg-type]
    assert report.queries == 2
    assert report.reading.bad_lines == 1
    assert any("1 lines are no audit lines" in note for note in report.notes)


def test_hashed_names_are_counted_like_others_and_their_labels_are_left_alone(tmp_path: Path) -> None:
    lines = [line(index, name=f"h:{index:032x}", client="h:abc", owner="") for index in range(200)]
    report = findings(written(tmp_path / "log", *lines))
    assert (report.names, report.tunnels) == (200, [])
    assert report.top_clients[0].label == "h:abc"
    assert any("hashed" in note for note in report.notes)


def test_a_period_and_a_namespace_leave_out_the_rest(tmp_path: Path) -> None:
    log = written(tmp_path / "log", line(0), line(10), line(20), line(10, namespace="other"))
    wanted = Filter(normal_time("2026-11-22T11:00:10+01:00"), normal_time("2026-11-22T10:00:20Z"), ["web"])
    report = findings(log, wanted=wanted)
    assert (report.queries, report.reading.left_out) == (1, 3)


def test_upstream_times_are_told_by_upstream(tmp_path: Path) -> None:
    slow = [line(cache="miss", upstream="192.0.2.1:53", upstream_ms=100.0, duration_ms=101.0) for _ in range(99)]
    fast = [line(cache="miss", upstream="192.0.2.2:53", upstream_ms=1.0, duration_ms=1.5)]
    report = findings(written(tmp_path / "log", *slow, *fast, line(), line()))
    times = {one.what: one for one in report.latencies}
    assert times["upstream 192.0.2.1:53"].p50 == pytest.approx(100, rel=0.05)
    assert times["upstream 192.0.2.2:53"].p99 == 1.0
    assert report.cache_hits == pytest.approx(2 / 102)


def test_counts_are_the_same_in_whatever_order_files_come(tmp_path: Path) -> None:
    first, second = tmp_path / "audit.log.1", tmp_path / "audit.log"
    octets = encoded(4000).splitlines(keepends=True)
    first.write_bytes(b"".join(octets[:2000]))
    second.write_bytes(b"".join(octets[2000:]))
    forward, backward = findings(str(first), str(second)), findings(str(second), str(first))
    assert (forward.first, forward.last) == (backward.first, backward.last)
    assert forward.over_time == backward.over_time
    assert forward.top_names == backward.top_names
    assert forward.waste == backward.waste


def test_an_attacker_who_never_repeats_fills_no_memory_and_hides_no_regular(tmp_path: Path) -> None:
    collector = Collector(Ledger(), Filter())
    ledger = collector.ledger
    ledger.names.limit, ledger.pairs.limit = 1000, 100
    for start in range(0, 4 * CELLS, 4096):
        collector.add(
            Line(f"2026-11-22T10:00:00.{index:06d}Z", f"{index}.example{index}.test.", "10.0.0.9", "web")
            for index in range(start, start + 4096)
        )
        collector.add([Line("2026-11-22T10:00:00.000000Z", "api.example.", "10.0.0.9", "web")])
    collector.finish()
    assert len(ledger.names) <= 1000
    assert ledger.names.lost > 200_000
    regular = ledger.names.get(("web", "api.example."))
    assert regular is not None
    assert regular.queries == 64


def test_thousands_of_names_of_one_client_below_one_parent_become_one(tmp_path: Path) -> None:
    ledger = Ledger()
    collector = Collector(ledger, Filter())
    for part in range(3):  # each time what was gathered goes to the ledger
        collector.add(
            Line("2026-11-22T10:00:00.000000Z", f"{part}x{index}.example.test.", "10.0.0.9", "web")
            for index in range(6000)
        )
        collector.finish()
    assert len(ledger.names) < 7000
    many = ledger.names.get(("web", "*.example.test."))
    assert many is not None
    assert many.queries > 10_000


@pytest.mark.parametrize("seconds", [0, 5, 119, 4000, 90_000, 40 * 86400, 3000 * 86400])
def test_a_plot_never_has_more_bars_than_fit_whatever_the_period(seconds: int) -> None:
    from datetime import datetime, timedelta

    collector = Collector(Ledger(), Filter())
    start = datetime(2026, 3, 1, 12, 34, 56)
    times = [start + timedelta(seconds=seconds * part / 500) for part in range(501)]
    collector.add(Line(one.isoformat(timespec="microseconds") + "Z", "a.example.") for one in times)
    step, found = bars(collector.timeline)
    assert 1 <= len(found) <= 120
    assert sum(sum(numbers) for _, numbers in found) == 501
    assert all(later[0] - earlier[0] == step for earlier, later in pairwise(found))
