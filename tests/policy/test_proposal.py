"""Allow lists from what was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from resolver.policy.proposal import as_lines, as_yaml, propose
from resolver.policy.reading import parse_rules
from resolver.policy.recorded import Recorded
from resolver.wire.names import from_text

SHOP = ("namespace", "shop")


def recorded(*lines: dict[str, Any]) -> Recorded:
    found = Recorded()
    found.read([b"".join(json.dumps(line).encode() + b"\n" for line in lines)])
    return found


def learnt(name: str, count: int = 1, **more: Any) -> dict[str, Any]:
    return {"namespace": "shop", "name": name, "types": ["A"], "count": count, **more}


def destinations(found: Recorded, **options: int) -> list[str]:
    return [one.destination for one in propose(SHOP, found.askers[SHOP], **options).allowed]


def test_lines_of_both_kinds_add_up() -> None:
    found = recorded(
        learnt("api.example.", 4),
        {"namespace": "shop", "name": "api.example.", "type": "AAAA", "sampled": 10, "time": "x"},
        {"client": "10.1.2.3", "name": "api.example.", "type": "A"},
    )
    record = found.askers[SHOP][from_text("api.example")]
    assert (record.count, record.types) == (14, {"A", "AAAA"})
    assert set(found.askers) == {SHOP, ("net", "10.1.2.3/32")}


def test_what_is_no_line_is_counted() -> None:
    found = recorded(learnt("a.example.", -1), {"name": "a.example."}, {"namespace": 3, "name": "a."}, learnt("a..b"))
    assert (found.broken, found.askers) == (4, {})


def test_lost_queries_are_known() -> None:
    assert (
        recorded({"learned": 1, "lost_queries": 4}, {"namespace": "shop", "lost_names": 1, "lost_queries": 3}).lost == 7
    )


def test_hashes_are_no_names() -> None:
    found = recorded(learnt("h:0123456789ab"), {"client": "h:0123", "name": "a.example.", "type": "A"})
    assert (found.hashed, found.broken, found.askers) == (2, 0, {})


@pytest.mark.parametrize("line", [{"namespace": "shop\nallow ."}, {"namespace": "a b"}, {"types": ["A\n"]}])
def test_no_line_can_smuggle_in_a_rule(line: dict[str, Any]) -> None:
    assert recorded(learnt("a.example.", 1) | line).broken == 1


def test_the_name_as_rewritten_is_needed_too() -> None:
    found = recorded({"namespace": "shop", "name": "old.example.", "rewrite": "new.example.", "type": "A"})
    assert sorted(destinations(found)) == ["new.example", "old.example"]


def test_siblings_become_their_parent_when_there_are_enough() -> None:
    found = recorded(*[learnt(f"{one}.cdn.example.") for one in "abc"], learnt("api.example.", 9))
    assert destinations(found, fold=3) == ["api.example", ".cdn.example"]
    assert len(destinations(found, fold=4)) == 4
    (suffix,) = [one for one in propose(SHOP, found.askers[SHOP], fold=3).allowed if one.names > 1]
    assert (suffix.names, suffix.count) == (3, 3)


def test_what_a_folded_parent_covers_stands_in_it() -> None:
    found = recorded(*[learnt(f"{one}.cdn.example.") for one in ("a", "b", "x.y")], learnt("cdn.example.", 2))
    assert destinations(found, fold=2) == [".cdn.example"]


def test_no_fold_opens_a_whole_top_level_domain() -> None:
    assert len(destinations(recorded(*[learnt(f"{one}.example.") for one in "abc"]), fold=2)) == 3


def test_rare_and_missing_names_are_left_out_and_said() -> None:
    found = recorded(
        learnt("used.example.", 5),
        learnt("rare.example.", 2),
        {"namespace": "shop", "name": "api.shop.svc.cluster.local.", "type": "A", "rcode": "NXDOMAIN"},
    )
    proposal = propose(SHOP, found.askers[SHOP], at_least=3)
    assert ([one.destination for one in proposal.allowed], proposal.rare, proposal.missing) == (["used.example"], 1, 1)
    assert "# left out: 1 name that does not exist" in list(as_lines(proposal))


def test_a_denied_name_may_well_exist() -> None:
    found = recorded(
        {"namespace": "shop", "name": "api.example.", "type": "A", "rcode": "NXDOMAIN", "decision": "deny"}
    )
    assert destinations(found) == ["api.example"]


def test_names_that_no_rule_can_write_are_left_out() -> None:
    found = recorded(learnt("*.example."), learnt("."), learnt("a\\035b.example."), learnt("\\123$X.example."))
    proposal = propose(SHOP, found.askers[SHOP])
    assert (proposal.allowed, proposal.unwritable) == ((), 4)


def test_both_forms_are_rules_that_allow_those_names_for_that_namespace() -> None:
    proposal = propose(SHOP, recorded(*[learnt(f"n{at}.example.") for at in range(3)]).askers[SHOP])
    for text in ("\n".join(as_lines(proposal)), "\n".join(as_yaml([proposal]))):
        rules = parse_rules(text, "list")
        assert [rule.pattern.text for rule in rules] == ["n0.example", "n1.example", "n2.example"]
        assert all(who.namespaces == ("shop",) for rule in rules for who in rule.who)
    assert parse_rules("\n".join(as_yaml([])), "list") == []


def test_what_a_rule_denied_is_not_proposed_but_said() -> None:
    found = recorded(
        learnt("good.example.", 5, decisions={"deny": 5}, rule="default"),
        learnt("bad.example.", 4, decisions={"allow": 3, "deny": 1}, rule="other", denied_by="block"),
        {"namespace": "shop", "name": "worse.example.", "type": "A", "decision": "deny", "rule": "block"},
        {"namespace": "shop", "name": "trap.example.", "type": "A", "decision": "audit-only", "rule": "rebinding"},
        {"namespace": "shop", "name": "zone.example.", "type": "A", "decision": "deny", "rule": "rpz z. x"},
    )
    proposal = propose(SHOP, found.askers[SHOP])
    assert [one.destination for one in proposal.allowed] == ["good.example"]
    assert proposal.ruled == (
        ("block", (("bad.example", 4), ("worse.example", 1))),
        ("rebinding", (("trap.example", 1),)),
        ("rpz z. x", (("zone.example", 1),)),
    )
    for lines in (list(as_lines(proposal)), list(as_yaml([proposal]))):
        assert "# left out: denied by rule block: 2 names" in [line.strip() for line in lines]
        assert any("bad.example  (4 queries)" in line for line in lines)
        assert [rule.pattern.text for rule in parse_rules("\n".join(lines), "list")] == ["good.example"]


@pytest.mark.parametrize(
    ("decision", "rule"),
    [
        ("deny", "default"),
        ("audit-only", "default"),
        ("audit-only", "audit ."),
        ("deny", "ratelimit"),
        ("allow", "own"),
    ],
)
def test_what_nobody_denied_by_its_name_is_proposed(decision: str, rule: str) -> None:
    line = {"namespace": "shop", "name": "api.example.", "type": "A", "decision": decision, "rule": rule}
    assert destinations(recorded(line)) == ["api.example"]


def test_no_fold_covers_a_name_that_a_rule_denied() -> None:
    lines = [learnt(f"{one}.cdn.example.") for one in "abc"]
    bad = learnt("x.y.cdn.example.", decisions={"deny": 1}, denied_by="block")
    assert destinations(recorded(*lines, bad), fold=3) == [f"{one}.cdn.example" for one in "abc"]


def test_no_rule_of_a_line_can_smuggle_in_another() -> None:
    line = {"namespace": "shop", "name": "a.example.", "type": "A", "decision": "deny", "rule": "x\nallow ."}
    found = recorded(line)
    assert parse_rules("\n".join(as_lines(propose(SHOP, found.askers[SHOP]))), "list") == []


def test_names_that_learn_saw_to_be_missing_are_left_out() -> None:
    found = recorded(learnt("gone.example.", 3, missing=3), learnt("api.example.", 3, missing=1))
    assert destinations(found) == ["api.example"]


def test_tries_of_a_search_list_are_left_out_and_listed() -> None:
    found = recorded(
        learnt("api.example.", 3, decisions={"allow": 3}),
        learnt("api.example.corp.internal.", 6, decisions={"deny": 6}),
        learnt("db.corp.internal.", 2, decisions={"deny": 2}),
        learnt("api.example.cdn.example.", 2, decisions={"allow": 1, "deny": 1}),
    )
    proposal = propose(SHOP, found.askers[SHOP])
    assert proposal.tries == (("api.example.corp.internal", 6),)
    assert len(proposal.allowed) == 3
    assert "# left out: 1 name that looks like a try of a search list" in list(as_lines(proposal))


def test_one_is_not_many() -> None:
    text = "\n".join(as_lines(propose(SHOP, recorded(learnt("a.example.")).askers[SHOP])))
    assert "1 destination\n" in text
    assert "# 1 query" in text


def test_lines_of_something_else_are_none_of_ours() -> None:
    found = recorded({"level": "info"}, {"lost": 3}, {"client": "10.1.2.3", "limited": 774})
    assert (found.broken, found.lines, found.lost) == (1, 2, 3)
