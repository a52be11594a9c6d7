"""Destinations as rules name them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.policy.patterns import Pattern, PatternError
from resolver.wire.names import from_text

LABELS = st.sampled_from(["a", "b", "c"])
NAMES = st.lists(LABELS, max_size=4).map(lambda labels: from_text(".".join(labels)))


@st.composite
def patterns(draw: st.DrawFn) -> Pattern:
    labels = draw(st.lists(LABELS | st.just("*"), min_size=1, max_size=3))
    if len(labels) > 1 and all(label == "*" for label in labels):
        labels[-1] = "a"
    return Pattern.read(draw(st.sampled_from(["", ".", "**."])) + ".".join(labels))


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("api.example.com", ["api.example.com"], ["example.com", "x.api.example.com", "api.example.org"]),
        (".example.com", ["example.com", "a.example.com", "a.b.example.com"], ["com", "badexample.com"]),
        ("**.example.com", ["a.example.com", "a.b.example.com"], ["example.com", "badexample.com"]),
        ("*.example.com", ["a.example.com"], ["example.com", "a.b.example.com"]),
        ("db.*.example.com", ["db.eu.example.com"], ["db.example.com", "db.a.b.example.com", "x.eu.example.com"]),
        ("**.*.example.com", ["a.b.example.com", "a.b.c.example.com"], ["b.example.com"]),
        (".", [".", "com", "a.b.c"], []),
        ("**", ["com", "a.b.c"], ["."]),
        ("*", ["com"], [".", "a.com"]),
    ],
)
def test_a_pattern_stands_for_some_names(text: str, inside: list[str], outside: list[str]) -> None:
    pattern = Pattern.read(text)
    assert pattern.text == text
    assert [name for name in inside if not pattern.matches(from_text(name))] == []
    assert [name for name in outside if pattern.matches(from_text(name))] == []


def test_case_and_a_final_dot_do_not_matter() -> None:
    assert Pattern.read(".Example.COM.") == Pattern.read(".example.com")


@pytest.mark.parametrize(
    "text",
    ["", "**.", "db-*.example.com", "a..b", "*.*", "*.*.*.*.*.example.com", "x" * 64, "ex\u00e4mple.com", "a.**.b"],
)
def test_what_is_no_destination_is_refused(text: str) -> None:
    with pytest.raises(PatternError):
        Pattern.read(text)


@given(text=st.text(max_size=40))
def test_any_text_is_a_pattern_or_a_pattern_error(text: str) -> None:
    try:
        found = Pattern.read(text)
    except PatternError:
        return
    assert Pattern.read(found.text) == found


@given(one=patterns(), other=patterns(), name=NAMES)
def test_what_covers_a_pattern_has_all_its_names(one: Pattern, other: Pattern, name: bytes) -> None:
    if one.covers(other) and other.matches(name):
        assert one.matches(name)


@pytest.mark.parametrize(
    ("one", "other", "covers"),
    [
        (".example.com", "example.com", True),
        (".example.com", "*.a.example.com", True),
        ("**.example.com", ".example.com", False),
        ("**.example.com", ".a.example.com", True),
        ("*.example.com", "a.example.com", True),
        ("*.example.com", "**.example.com", False),
        ("a.*.example.com", "a.b.example.com", True),
        ("a.b.example.com", "a.*.example.com", False),
        (".", "**", True),
        (".example.com", ".ample.com", False),
    ],
)
def test_covering_is_about_whole_labels(one: str, other: str, covers: bool) -> None:
    assert Pattern.read(one).covers(Pattern.read(other)) is covers
