"""Wildcards and empty names against the words of RFC 4592, taken literally."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.plugins.gateway.table import Item, Table
from resolver.wire.constants import A
from resolver.wire.names import from_text, is_below, parent

ZONE = from_text("z")
ITEM = Item(A, 5, b"\xc0\0\2\1")
LABELS = st.sampled_from(["a", "b", "*"])
NAMES = st.lists(LABELS, min_size=0, max_size=4).map(lambda labels: from_text(".".join([*labels, "z"])))


def naive_find(entries: set[bytes], name: bytes) -> bytes | None:
    """The owner whose records answer for a name (RFC 4592 section 3.3.1), None where there is none."""
    existing = {ZONE} | {other for entry in entries for other in _ancestors(entry)}
    if name in existing:
        return name if name in entries else None
    encloser = name
    while encloser not in existing:
        encloser = parent(encloser)
    source = b"\1*" + encloser
    return source if source in entries else None


def _ancestors(name: bytes) -> list[bytes]:
    found = [name]
    while name != ZONE:
        name = parent(name)
        found.append(name)
    return found


@given(st.lists(st.tuples(NAMES, st.booleans()), max_size=12), NAMES)
def test_a_name_is_found_as_the_rules_of_wildcards_say(changes: list[tuple[bytes, bool]], name: bytes) -> None:
    table, entries = Table(), set[bytes]()
    for changed, is_there in changes:
        table.put(changed, (ITEM,) if is_there else ())
        entries = entries | {changed} if is_there else entries - {changed}
    found = table.find(name, ZONE)
    assert (found.name if found else None) == naive_find(entries, name)
    assert table.exists(name) == any(is_below(entry, name) for entry in entries)


@given(st.lists(NAMES, max_size=12))
def test_nothing_is_left_of_names_that_are_gone(names: list[bytes]) -> None:
    table = Table()
    for name in names:
        table.put(name, (ITEM,))
    for name in names:
        table.put(name, ())
    assert (table.entries, table._below) == ({}, {})


def test_a_change_makes_another_entry_and_gives_back_the_one_before() -> None:
    table, name = Table(), from_text("a.z")
    assert table.put(name, (ITEM,)) is None
    first = table.entries[name]
    assert table.put(name, (ITEM, ITEM._replace(rdata=b"\xc0\0\2\2"))) is first
    assert table.entries[name] is not first


def test_a_wildcard_is_itself_a_name() -> None:
    table = Table()
    table.put(from_text("*.z"), (ITEM,))
    found = table.find(from_text("*.z"), ZONE)
    assert found is not None
    assert found.is_wildcard
    assert table.find(from_text("a.b.c.z"), ZONE) is found
    assert table.find(ZONE, ZONE) is None
