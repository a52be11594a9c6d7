"""How one name becomes another: on the wire as in text, and always a name or a refusal."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.model import Word
from resolver.config.pattern import compiled
from resolver.errors import Place, WireError
from resolver.plugins.rewrite.changes import (
    Back,
    Change,
    Ending,
    EndingWithin,
    Exactly,
    Matching,
    Starting,
    Subject,
    Textual,
    change,
)
from resolver.plugins.rewrite.names import full, shown
from resolver.wire.constants import MAX_LABEL, MAX_NAME
from resolver.wire.names import ROOT, from_text, labels, plain_name, to_text

LABELS = st.text("ab-_1", min_size=1, max_size=3) | st.text("a", min_size=60, max_size=63)
NAMES = st.lists(LABELS, max_size=5).map(lambda found: ".".join(found) + ".")
RULE_TEXTS = NAMES | NAMES.map(lambda name: "." + name) | st.text("ab.-", max_size=6)
ANY_NAMES = st.lists(st.binary(min_size=1, max_size=63), max_size=6).map(
    lambda found: b"".join(bytes((len(label),)) + label.lower() for label in found) + ROOT
).filter(lambda name: len(name) <= MAX_NAME)  # fmt: skip


def of(rule: Change, name: bytes) -> bytes | str | None:
    """The new name, None where the rule does not apply, ``refused`` for what is no name."""
    try:
        return rule.of(Subject(name))
    except WireError:
        return "refused"


def text(rule: Change, name: str) -> str | None:
    """The same for a name in presentation form."""
    new = rule.of(Subject(from_text(name)))
    return None if new is None else to_text(new)


def pattern(regexp: str, new: str) -> Matching:
    """A rule with a regular expression."""
    return Matching(compiled(Word(regexp, Place("Corefile", 1))), full(new))


def is_name(name: bytes) -> bool:
    """Whether octets are a wire name and nothing else."""
    return len(name) <= MAX_NAME and plain_name(name, 0) == (name, len(name))


@pytest.mark.parametrize(
    ("kind", "old", "new", "name", "expected"),
    [
        ("exact", "a.org", "b.net", "a.org", "b.net."),
        ("exact", "a.org", "b.net", "x.a.org", None),
        ("exact", ".", "b.net", ".", "b.net."),
        ("prefix", "old", "new", "old.example.org", "new.example.org."),
        ("prefix", "old", "new", "older.example.org", None),
        ("prefix", "old.a", "b", "old.a.org", "b.org."),
        ("prefix", "old", "new", "old", "new."),
        ("suffix", ".a.org", ".b.net", "www.a.org", "www.b.net."),
        ("suffix", ".a.org", ".b.net", "a.org", None),
        ("suffix", ".a.org", ".b.net", "www.aa.org", None),
        ("suffix", "a.org", "b.net", "a.org", "b.net."),
        ("suffix", "a.org", "b.net", "my-a.org", "my-b.net."),
        ("suffix", "a.org", "b.net", "www.a.org", "www.b.net."),
        ("suffix", ".a.org", "b.net", "www.a.org", "wwwb.net."),
        ("suffix", ".a.org", ".", "www.a.org", "www."),
        ("suffix", ".", ".cluster.local", "web.shop", "web.shop.cluster.local."),
        ("substring", "svc", "pod", "a.svc.b.my-svc.org", "a.pod.b.my-pod.org."),
        ("substring", "svc", "pod", "a.svcs.org", None),
    ],
)
def test_each_kind_finds_its_part_of_a_name(kind: str, old: str, new: str, name: str, expected: str | None) -> None:
    assert text(change(kind, full(old), full(new)), name) == expected


@pytest.mark.parametrize(
    ("regexp", "new", "name", "expected"),
    [
        (r"(.*)-(us-west-1)\.example\.org", "{1}.{2}.consul", "ftp-us-west-1.example.org", "ftp.us-west-1.consul."),
        (r"(.*)\.a\.org", "{0}.b.net", "x.a.org.c", "x.a.org.b.net."),
        (r"^(a|b)\.(?:x\.)?(.*)\.$", "{2}.{1}", "a.x.org", "org.a."),
        (r"(?P<host>\w+)\.a\.", "{1}.b", "www.a.org", "www.b."),
        (r"nothing", "{0}", "www.a.org", None),
        (r"a", "{7}.org", "a", "{7}.org."),
        (r"a", "{01}.org", "a", "{01}.org."),
    ],
)  # fmt: skip
def test_a_pattern_takes_a_name_apart(regexp: str, new: str, name: str, expected: str | None) -> None:
    assert text(pattern(regexp, new), name) == expected


def test_what_many_rules_have_is_told_by_octets() -> None:
    assert isinstance(change("exact", "a.", "b."), Exactly)
    assert isinstance(change("prefix", "a.", "b."), Starting)
    assert isinstance(change("suffix", ".a.", ".b."), Ending)
    assert isinstance(change("suffix", "a.", "b."), EndingWithin)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (change("exact", "a.", "b..c."), "a"),
        (change("suffix", "a.org.", ".b.net."), "a.org"),
        (change("prefix", "a.", ".".join(["x" * 60] * 4) + "."), "a." + "y" * 30),
        (change("suffix", ".a.", "." + ".".join(["x" * 60] * 4) + "."), "y" * 30 + ".a"),
        (change("suffix", "a.", "x" * 60 + "."), "yyyya"),
        (change("substring", "a.", ".b."), "a"),
        (pattern("a", "{0}..b"), "a"),
    ],
)
def test_what_is_no_name_is_refused(rule: Change, name: str) -> None:
    with pytest.raises(WireError):
        rule.of(Subject(from_text(name)))


def test_octets_that_look_like_labels_are_none() -> None:
    within = b"\x07foo\x03org" + ROOT  # one label that ends in "\003org"
    assert of(change("suffix", ".org.", ".net."), within) is None
    assert of(change("suffix", "o.org.", "o.net."), within) is None
    assert of(change("suffix", "org.", "net."), within) == b"\x07foo\x03net" + ROOT
    assert of(Back(b"\x03org\0", b"\x03net\0"), within) is None


def test_names_are_shown_as_the_field_shows_them() -> None:
    assert shown(ROOT) == "."
    assert shown(from_text("www.example.org")) == "www.example.org."
    assert shown(b"\x05my 'x\x04a.b$" + ROOT) == "my\\ \\'x.a\\.b$."
    assert shown(b"\x02\x00\xff" + ROOT) == "\\000\\255."


def test_a_dot_is_added_where_none_ends_the_name() -> None:
    names = {"A.org": "a.org.", "a.org.": "a.org.", "a\\.": "a\\..", "a\\\\.": "a\\\\.", ".": "."}
    assert {name: full(name) for name in names} == names


@given(ANY_NAMES)
def test_what_is_shown_can_be_read_again(name: bytes) -> None:
    assert from_text(shown(name)) == name


@given(st.sampled_from(["exact", "prefix", "suffix", "substring"]), RULE_TEXTS, RULE_TEXTS, NAMES)
def test_octets_tell_what_text_tells(kind: str, old: str, new: str, name: str) -> None:
    old, new = full(old), full(new)
    try:
        wire = from_text(name)
    except WireError:
        return
    rule, textual = change(kind, old, new), Textual(kind, old, new)
    assert of(rule, wire) == of(textual, wire)
    assert rule.holds(Subject(wire)) == textual.holds(Subject(wire))


@given(st.sampled_from(["exact", "prefix", "suffix", "substring", "regex"]), RULE_TEXTS, RULE_TEXTS, ANY_NAMES)
def test_a_rule_gives_a_name_or_refuses(kind: str, old: str, new: str, name: bytes) -> None:
    rule: Change = (
        change(kind, full(old), full(new)) if kind != "regex" else pattern("(.*)" + re.escape(old), "{1}" + new)
    )
    found = of(rule, name)
    assert found is None or found == "refused" or (isinstance(found, bytes) and is_name(found))


@given(ANY_NAMES, ANY_NAMES, ANY_NAMES)
def test_the_way_back_leads_to_names(rewritten: bytes, name: bytes, front: bytes) -> None:
    back = Back(rewritten, name)
    assert of(back, rewritten) == name
    below = front[:-1] + rewritten
    if len(below) <= MAX_NAME and front != ROOT and rewritten != ROOT:
        found = of(back, below)
        assert found == "refused" or (isinstance(found, bytes) and is_name(found) and found.endswith(name))
    assert all(len(label) <= MAX_LABEL for label in labels(name))
