"""Regular expressions of operators."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.model import Word
from resolver.config.pattern import MAX_TEXT, compiled, matches
from resolver.errors import ConfigError, Place


def word(text: str) -> Word:
    return Word(text, Place("Corefile", 1))


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
def test_what_re2_and_python_both_have_is_accepted(pattern: str, text: str) -> None:
    assert matches(compiled(word(pattern)), text)


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
        r"a\p{Greek}",
        r"(a)\1",
        "a(?=b)",
        "(?<!a)b",
        "(?>a)",
        "(?P=x)",
        r"\Qa\E",
        "[[:nope:]]",
        "[[:^alpha:]]",
        "a{1001}",
        "(?z)a",
        "\\",
    ],
)
def test_what_is_wrong_or_unknown_to_one_of_them_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="cannot use regexp"):
        compiled(word(pattern))


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
    ],
)
def test_what_could_run_away_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigError, match="cannot use regexp"):
        compiled(word(pattern))


def test_a_pattern_is_not_longer_than_ten_thousand_characters() -> None:
    assert matches(compiled(word("a|" + "b" * 9_998)), "a")
    with pytest.raises(ConfigError, match="longer than 10000"):
        compiled(word("a" * 10_001))


def test_only_the_beginning_of_a_text_is_looked_at() -> None:
    assert matches(compiled(word("x$")), "x" * MAX_TEXT + "y")
    assert not matches(compiled(word("y")), "x" * MAX_TEXT + "y")


def test_digits_and_words_are_ascii_as_in_re2() -> None:
    assert not matches(compiled(word(r"\d")), "\N{ARABIC-INDIC DIGIT ONE}")


@given(
    st.text(max_size=40) | st.text(alphabet="ab()[]|*+?{}0123,\\^$.:-<>=!P", max_size=25), st.text("ab", max_size=60)
)
def test_any_text_is_a_pattern_that_ends_soon_or_an_error(pattern: str, text: str) -> None:
    try:
        found = compiled(word(pattern))
    except ConfigError:
        return
    began = time.process_time()
    matches(found, text)
    assert time.process_time() - began < 2
