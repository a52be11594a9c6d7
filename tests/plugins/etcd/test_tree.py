"""Services by the parts of their keys, with what a plain dictionary says as a second opinion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import ZoneError
from resolver.plugins.etcd import tree as module
from resolver.plugins.etcd.service import Path, Service
from resolver.plugins.etcd.tree import Tree

PARTS = st.sampled_from((b"a", b"b", b"c", b""))
PATHS = st.lists(PARTS, min_size=1, max_size=4).map(tuple)
PATTERNS = st.lists(PARTS | st.sampled_from((b"*", b"any")), max_size=4).map(tuple)


def service(path: Path) -> Service:
    return Service(path, b"\1\2\3\4", None)


def expected(known: dict[Path, Service], pattern: Path) -> list[Service] | None:
    cut = next((n for n, part in enumerate(pattern) if part in (b"*", b"any")), len(pattern))
    below = [p for p in sorted(known) if p[:cut] == pattern[:cut] and len(p) > cut]
    if not below:
        here = [known[p] for p in [pattern[:cut]] if p in known]
        return (here if cut == len(pattern) else []) if here else None
    fits = [
        p
        for p in below
        if len(p) >= len(pattern) and all(w in (b"*", b"any", part) for w, part in zip(pattern, p, strict=False))
    ]
    return [known[p] for p in fits]


@given(st.lists(st.tuples(st.booleans(), PATHS), max_size=40), st.lists(PATTERNS, min_size=1, max_size=6))
def test_the_tree_finds_what_a_search_through_all_keys_finds(
    steps: list[tuple[bool, Path]], patterns: list[Path]
) -> None:
    tree, known = Tree(), dict[Path, Service]()
    for put, path in steps:
        if put:
            known[path] = service(path)
            tree.put(path, known[path], 10)
        else:
            known.pop(path, None)
            tree.remove(path)
        for pattern in patterns:
            found, wanted = tree.find(pattern), expected(known, pattern)
            assert (found is None) == (wanted is None)
            assert sorted(found or ()) == sorted(wanted or ())
    assert (len(tree), tree.octets) == (len(known), 10 * len(known))
    for path in list(known):
        tree.remove(path)
    assert not tree.root.below


def test_the_key_itself_counts_only_where_nothing_is_below() -> None:
    tree = Tree()
    tree.put((b"a",), service((b"a",)), 1)
    assert tree.find((b"a",)) == [service((b"a",))]
    tree.put((b"a", b"b"), service((b"a", b"b")), 1)
    assert tree.find((b"a",)) == [service((b"a", b"b"))]
    assert tree.exact((b"a",)) == [service((b"a",))]
    assert tree.exact((b"c",)) is None


def test_what_makes_no_sense_is_counted_and_not_found() -> None:
    tree = Tree()
    tree.put((b"a",), service((b"a",)), 5)
    tree.put((b"a",), None, 7)
    assert (len(tree), tree.octets, tree.find((b"a",))) == (1, 7, None)


def test_one_look_up_has_its_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = Tree()
    for number in range(200):
        path = (b"z", b"%03d" % number, b"x")
        tree.put(path, service(path), 1)
    monkeypatch.setattr(module, "MOST_FOUND", 50)
    assert len(tree.find((b"z",)) or ()) == 50
    monkeypatch.setattr(module, "MOST_SEEN", 100)
    with pytest.raises(ZoneError, match="more than 100 names"):
        tree.find((b"z", b"*", b"x"))
