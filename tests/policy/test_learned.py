"""The table of names that were asked for."""

from __future__ import annotations

from resolver.policy.learned import Learned, Limits, read_line
from resolver.policy.rules import ALLOW, DENY
from resolver.wire.names import from_text

SHOP = ("namespace", "shop")


def seen(table: Learned, name: str, times: int = 1, who: tuple[str, str] = SHOP) -> None:
    for _ in range(times):
        table.see(who, from_text(name), "A", ALLOW, "default", 100.0)


def test_the_rarer_half_goes_and_is_counted() -> None:
    table = Learned(Limits(names=4))
    seen(table, "often.example", 3)
    seen(table, "twice.example", 2)
    for number in range(3):
        seen(table, f"once{number}.example")
    names = table.askers[SHOP]
    assert set(names.entries) == {from_text(f"{one}.example") for one in ("often", "twice", "once2")}
    assert (names.lost_names, names.lost_queries, table.lost) == (2, 2, 2)


def test_a_flood_of_names_does_not_drive_out_those_in_use() -> None:
    table = Learned(Limits(names=100))
    seen(table, "used.example", 5)
    for number in range(10_000):
        seen(table, f"random{number}.example")
    names = table.askers[SHOP]
    assert from_text("used.example") in names.entries
    assert len(names.entries) <= 100
    assert names.total + names.lost_queries == 10_005


def test_namespaces_have_a_limit_too() -> None:
    table = Learned(Limits(namespaces=2))
    seen(table, "a.example", 2, ("namespace", "a"))
    seen(table, "b.example", 1, ("namespace", "b"))
    seen(table, "c.example", 1, ("namespace", "c"))
    assert set(table.askers) == {("namespace", "a"), ("namespace", "c")}
    assert (table.lost_namespaces, table.lost) == (1, 1)


def test_a_name_that_went_comes_back_when_it_is_replayed() -> None:
    table = Learned(Limits(names=2))
    entry = table.see(SHOP, from_text("popular.example"), "A", ALLOW, "default", 1.0)
    seen(table, "one.example", 2)
    seen(table, "two.example", 2)
    assert entry.name not in table.askers[SHOP].entries
    entry.allowed(1000)
    assert table.askers[SHOP].entries[entry.name].total == 1001
    assert table.askers[SHOP].total + table.lost == 1005


def test_a_name_that_went_with_its_namespace_comes_back_too() -> None:
    table = Learned(Limits(namespaces=2))
    entry = table.see(SHOP, from_text("popular.example"), "A", ALLOW, "default", 1.0)
    for other in ("a", "b"):
        seen(table, "x.example", 2, ("namespace", other))
    assert SHOP not in table.askers
    entry.allowed(9)
    assert (table.askers[SHOP].total, table.askers[SHOP].lost_queries) == (10, 0)
    assert sum(names.total for names in table.askers.values()) + table.lost == 14


def test_lines_say_all_that_the_table_has() -> None:
    table = Learned(Limits(names=2), since=50.0)
    for name in ("a.example", "b.example", "c.example"):
        seen(table, name)
    table.see(("net", "10.0.0.0/24"), from_text("x.example"), "AAAA", DENY, "no", 200.0).denied(2)
    again = Learned(Limits(names=2))
    for line in table.lines():
        again.take(read_line(line))
    again.now = table.now
    assert list(again.lines()) == list(table.lines())
    assert again.lost == table.lost > 0
