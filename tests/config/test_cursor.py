"""What readers of directives use."""

from __future__ import annotations

from functools import partial

import pytest

from resolver.config.cursor import (
    args,
    duration,
    each,
    flag,
    integer,
    ip,
    no_args,
    no_block,
    one_arg,
    option_values,
    options,
    text,
    value,
)
from resolver.config.model import Directive
from tests.config.sources import directive, mistakes, word

READERS = {"force_tcp": flag, "max_fails": value(integer, 0, 10), "expire": value(duration), "except": each(text)}


def texts(one: Directive) -> list[str]:
    return [arg.text for arg in one.args]


# --- arguments


def test_arguments_are_counted() -> None:
    assert [arg.text for arg in args(directive("cache 30 a.org"), 1, 2)] == ["30", "a.org"]
    assert one_arg(directive("cache 30")).text == "30"
    no_args(directive("cache"))
    assert len(args(directive("forward . a b c"), 2)) == 4


@pytest.mark.parametrize(
    ("line", "low", "high", "expected"),
    [
        ("cache", 1, 1, "2:1: cache needs 1 argument"),
        ("cache", 2, None, "2:1: cache needs at least 2 arguments"),
        ("cache 1", 2, 3, "2:1: cache needs 2 to 3 arguments, not 1"),
        ("cache 1 2", 1, 1, "2:9: cache takes 1 argument, not 2"),
        ("cache 1 2", 0, 1, "2:9: cache takes at most 1 argument, not 2"),
        ("cache 1", 0, 0, "2:7: cache takes no arguments, not 1"),
        ("cache true", 0, 0, "2:7: cache takes no arguments, not 1 (its name alone switches it on)"),
    ],
)
def test_a_wrong_number_of_arguments_is_told_apart(line: str, low: int, high: int | None, expected: str) -> None:
    assert mistakes(lambda: args(directive(line), low, high)) == [expected]


def test_a_block_where_there_must_be_none_is_an_error_even_when_empty() -> None:
    no_block(directive("loop"))
    assert mistakes(lambda: no_block(directive("loop {\n}"))) == ["2:1: loop takes no block"]


def test_an_empty_argument_is_an_error() -> None:
    assert text(word("a")) == "a"
    assert mistakes(lambda: text(word(""))) == ["1:1: an argument cannot be empty"]


# --- options


def test_every_option_goes_to_the_handler_of_its_name() -> None:
    seen: list[list[str]] = []
    options(directive("hosts {\n a 1\n b\n a 2\n}"), {"a": lambda one: seen.append(texts(one)), "b": no_args})
    assert seen == [["1"], ["2"]]


def test_values_of_options_come_by_name_and_only_if_given() -> None:
    found = option_values(directive("forward {\n force_tcp\n max_fails 3\n}"), READERS)
    assert found == {"force_tcp": True, "max_fails": 3}
    assert option_values(directive("forward"), READERS) == {}


def test_an_option_with_several_values_is_a_tuple() -> None:
    assert option_values(directive("forward {\n except a b\n}"), READERS) == {"except": ("a", "b")}


def test_an_option_that_may_repeat_joins_its_values() -> None:
    found = option_values(directive("forward {\n except a b\n except c\n}"), READERS, lists={"except"})
    assert found == {"except": ("a", "b", "c")}


def test_an_option_given_twice_is_an_error_that_names_the_first() -> None:
    expected = ["4:2: max_fails is already given in line 3"]
    assert mistakes(lambda: option_values(directive("f {\n max_fails 1\n max_fails 2\n}"), READERS)) == expected


def test_only_the_options_of_once_may_not_repeat() -> None:
    twice = directive("f {\n a\n a\n}")
    options(twice, {"a": no_args})
    assert mistakes(lambda: options(twice, {"a": no_args}, once={"a"})) == ["4:2: a is already given in line 3"]


def test_an_unknown_option_hints_at_the_nearest() -> None:
    assert mistakes(lambda: option_values(directive("forward {\n max_fail 1\n}"), READERS)) == [
        "3:2: forward has no option max_fail (did you mean max_fails?)"
    ]


def test_all_mistakes_of_a_block_are_raised_together() -> None:
    wrong = directive("f {\n max_fails 99\n expire x\n nonsense\n force_tcp yes\n except\n}")
    assert [mistake.split(":")[0] for mistake in mistakes(lambda: option_values(wrong, READERS))] == list("34567")


def test_an_option_takes_no_block_of_its_own() -> None:
    for line in ("force_tcp", "max_fails 1", "except a"):
        wrong = directive(f"f {{\n {line} {{\n }}\n}}")
        assert "takes no block" in mistakes(partial(option_values, wrong, READERS))[0]


def test_each_reads_one_argument_or_more() -> None:
    read = each(ip)
    assert len(read(directive("to 127.0.0.1 ::1"))) == 2
    assert mistakes(lambda: read(directive("to"))) == ["2:1: to needs at least 1 argument"]
    assert mistakes(lambda: read(directive("to ::1 x"))) == ["2:8: x is not an IP address"]
