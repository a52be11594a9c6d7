"""Names are taken apart at label boundaries, whatever is in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as some

from resolver.plugins.searchpath.names import Found, Place, Reader
from resolver.wire.names import ROOT, count_labels, from_text, is_below, labels

ZONE = from_text("cluster.local")
READER = Reader((ZONE,), (), 2)

LABELS = some.lists(
    some.one_of(
        some.sampled_from((b"svc", b"com", b"_tcp", b"cluster", b"local", b"\3svc")),
        some.binary(min_size=1, max_size=12),
    ),
    max_size=8,
)
TAILS = some.sampled_from(("", "cluster.local", "svc.cluster.local", "prod.svc.cluster.local", "local", "node.test"))


def wire(parts: list[bytes], tail: str) -> bytes:
    return (b"".join(bytes((len(part),)) + part for part in parts) + from_text(tail)).lower()


def assert_true(found: Found, name: bytes) -> None:
    front = found.front + ROOT
    assert found.front + found.suffix == name
    assert count_labels(front) >= 2
    assert not any(label.startswith(b"_") for label in labels(front))


@given(LABELS, TAILS)
def test_front_part_and_suffix_are_the_name(parts: list[bytes], tail: str) -> None:
    name = wire(parts, tail)
    found = READER.behind_namespace(name)
    if found is not None:
        assert_true(found, name)
        assert is_below(found.suffix, from_text("svc.cluster.local"))
        assert count_labels(found.suffix) == 4
        assert found.cut is not None
        assert count_labels(found.cut) == 5
        assert name.endswith(found.cut)
        assert found.namespace == found.suffix


@given(LABELS, TAILS)
def test_every_suffix_of_a_search_path_is_seen(parts: list[bytes], tail: str) -> None:
    name = wire(parts, tail)
    found = READER.behind_any(name, (from_text("node.test"),))
    if found is not None:
        assert_true(found, name)
        assert (found.cut is None) == (found.suffix == from_text("node.test"))
    is_wanted = (
        len(parts) >= 2 and tail and tail != "local" and not any(part.lower().startswith(b"_") for part in parts)
    )
    if is_wanted:
        assert found is not None


@given(LABELS, some.integers(1, 250))
def test_names_to_try_are_never_too_long_and_the_last_has_no_suffix(parts: list[bytes], size: int) -> None:
    found = READER.behind_namespace(wire(parts, "prod.svc.cluster.local"))
    if found is None:
        return
    long = from_text(".".join(["n" * 49] * (size // 50) + ["n" * (size % 50 or 1)]))
    tried = list(READER.candidates(found, found.front, (long,)))
    assert all(len(candidate.name) <= 255 for candidate in tried)
    assert tried[-1].name == found.front + ROOT
    assert [candidate.turn for candidate in tried] == sorted(candidate.turn for candidate in tried)
    assert tried[-1].turn == 4


def test_a_suffix_begins_at_a_label() -> None:
    inside = wire([b"a", b"b", b"c", b"x\3svc"], "cluster.local")
    assert inside.endswith(from_text("svc.cluster.local"))
    assert READER.behind_namespace(inside) is None
    assert READER.behind(wire([b"a", b"b", b"x\4node"], "test"), from_text("node.test")) is None


def test_a_name_that_is_complete_is_not_looked_for_among_the_nodes() -> None:
    found = READER.behind_namespace(from_text("web.shop.svc.cluster.local.prod.svc.cluster.local"))
    assert found is not None
    tried = [candidate.place for candidate in READER.candidates(found, found.front, (from_text("node.test"),))]
    assert tried == [Place.CLUSTER] * 3
