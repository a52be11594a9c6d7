"""Allow lists from what was recorded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from resolver.policy.proposal import Recorded, as_lines, as_yaml, propose
from resolver.policy.reading import parse_rules
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
    assert "# left out: 1 names that do not exist" in list(as_lines(proposal))


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
