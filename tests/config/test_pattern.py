"""Regular expressions of operators."""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config import pattern as engines
from resolver.config.model import Word
from resolver.config.pattern import MAX_TEXT, Pattern, checked, compiled, linear, matches
from resolver.errors import ConfigError, Place

Engine = Callable[[Word], Pattern]
without_re2 = pytest.mark.skipif(find_spec("re2") is None, reason="google-re2 is not installed: the extra regex")
engine = pytest.mark.parametrize("engine", [checked, pytest.param(linear, marks=without_re2)])


def word(text: str) -> Word:
    return Word(text, Place("Corefile", 1))


@engine
@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (".* i/o timeout$", "read udp 10.0.0.1:1->8.8.8.8:53: i/o timeout"),
        ("^failed to .*", "failed to dial"),
        ("(?i)REFUSED", "connection refused"),
        ("(timeout|refused)", "connection refused"),
        (r"\d{1,3}\.\d+", "from 10.0"),
        (r"^[[:alpha:]]+$", "abc"),
        (r"[^[:space:]]x", "ax"),
        (r"a\z", "a"),
        (r"(?P<who>dial) tcp", "dial tcp"),
        (r"(?<who>dial) tcp", "dial tcp"),
        (r"(?:foo)+?bar", "foofoobar"),
        (r"[]a]", "]"),
        (r"a{,2}", "a{,2}"),
        (r"\(no such host\)", "(no such host)"),
        ("", "anything"),
    ],
)
def test_what_re2_and_python_both_have_is_accepted(engine: Engine, pattern: str, text: str) -> None:
    assert matches(engine(word(pattern)), text)


@engine
@pytest.mark.parametrize(
    "pattern",
    [
        "([",
        "(",
        ")",
        "a)",
        "*",
        "a**",
        "a++",
        "(?P<x",
        "[a",
        r"(a)\1",
        "a(?=b)",
        "(?<!a)b",
        "(?>a)",
        "(?P=x)",
        "[[:nope:]]",
        "a{1001}",
        "(?z)a",
        "\\",
    ],
)
def test_what_is_wrong_or_unknown_to_re2_is_refused(engine: Engine, pattern: str) -> None:
    with pytest.raises(ConfigError, match="cannot use regexp"):
        engine(word(pattern))


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+$",
        "(a*)*",
        "(a|a)*$",
        "(a|b)+",
        "((a+)b?)+",
        "(.*,){20}x",
        "(a?){30}a",
        ".*.*.*.*x",
        "a?" * 13,
        "(a|b)" * 13,
        "(?:a{1,9})*",
        "((ab)*c)*",
        r"a\p{Greek}",
        r"\Qa\E",
        "[[:^alpha:]]",
    ],
)
def test_what_could_run_away_or_python_does_not_know_is_left_to_re2(pattern: str) -> None:
    with pytest.raises(ConfigError, match="cannot use regexp") as refused:
        checked(word(pattern))
    assert "k8s-resolver[regex]" in refused.value.hint
    if find_spec("re2") is not None:
        assert linear(word(pattern)).pattern == pattern


@engine
def test_groups_come_as_text_and_are_empty_where_they_took_no_part(engine: Engine) -> None:
    found = engine(word(r"(?P<host>\w+)-(?:us|(eu))\.example"))
    assert found.groups("ftp.www-us.example.org.") == ("www-us.example", "www", "")
    assert found.groups("www-eu.example.org.") == ("www-eu.example", "www", "eu")
    assert found.groups("www.example.org.") is None
    assert (found.count, found.names, found.found("a-us.example")) == (2, {"host": 1}, True)


@without_re2
def test_re2_is_the_engine_where_it_is_installed() -> None:
    found = compiled(word(r"^(.*)-(.*)-(.*)-(.*)\.example\.org\.$"))
    assert found.groups("a-b-c-d.example.org.") == ("a-b-c-d.example.org.", "a", "b", "c", "d")
    began = time.process_time()
    assert not matches(found, "-" * 1_000)
    assert time.process_time() - began < 0.2


def test_pythons_engine_stands_in_for_re2(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "_re2", lambda: None)
    assert compiled(word("(a)b")).groups("ab") == ("ab", "a")
    with pytest.raises(ConfigError, match="more than 3 repetitions"):
        compiled(word(".*.*.*.*x"))
    with pytest.raises(ImportError):
        linear(word("a"))


@engine
@pytest.mark.parametrize("text", ["\ud800", "\N{GREEK SMALL LETTER ALPHA}\ud800 a", "\0a"])
def test_any_text_can_be_looked_at(engine: Engine, text: str) -> None:
    assert matches(engine(word(".*a$|^.$|")), text)


@engine
def test_a_pattern_is_not_longer_than_ten_thousand_characters(engine: Engine) -> None:
    assert matches(engine(word("a|" + "b" * 9_998)), "a")
    with pytest.raises(ConfigError, match="longer than 10000"):
        engine(word("a" * 10_001))


@engine
def test_only_the_beginning_of_a_text_is_looked_at(engine: Engine) -> None:
    assert matches(engine(word("x$")), "x" * MAX_TEXT + "y")
    assert not matches(engine(word("y")), "x" * MAX_TEXT + "y")


@engine
def test_digits_and_words_are_ascii_as_in_re2(engine: Engine) -> None:
    assert not matches(engine(word(r"\d")), "\N{ARABIC-INDIC DIGIT ONE}")


@engine
@given(
    st.text(max_size=40) | st.text(alphabet="ab()[]|*+?{}0123,\\^$.:-<>=!P", max_size=25), st.text("ab", max_size=60)
)
def test_any_text_is_a_pattern_that_ends_soon_or_an_error(engine: Engine, pattern: str, text: str) -> None:
    try:
        found = engine(word(pattern))
    except ConfigError:
        return
    began = time.process_time()
    matches(found, text)
    assert time.process_time() - began < 2
