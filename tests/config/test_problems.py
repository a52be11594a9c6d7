"""Gathering mistakes."""

from __future__ import annotations

import pytest

from resolver.config.problems import MAX_PROBLEMS, Problems
from resolver.errors import ConfigError, ConfigErrors, Place


def wrong(message: str, line: int, file: str = "a") -> ConfigError:
    return ConfigError(message, Place(file, line))


def test_nothing_noted_is_nothing_raised() -> None:
    problems = Problems()
    problems.raise_any()
    assert not problems


def test_what_is_raised_inside_is_noted_and_raised_together_in_the_order_of_lines() -> None:
    problems = Problems()
    with problems:
        raise wrong("late", 9)
    with problems:
        raise ConfigErrors([wrong("middle", 5), wrong("early", 1)])
    with pytest.raises(ConfigErrors) as caught:
        problems.raise_any()
    assert [error.message for error in caught.value.errors] == ["early", "middle", "late"]


def test_files_stay_in_the_order_in_which_they_went_wrong() -> None:
    problems = Problems()
    for error in (wrong("b2", 2, "b"), wrong("a1", 1, "a"), wrong("b1", 1, "b"), ConfigError("nowhere")):
        problems.add(error)
    with pytest.raises(ConfigErrors) as caught:
        problems.raise_any()
    assert [error.message for error in caught.value.errors] == ["b1", "b2", "a1", "nowhere"]


def test_the_same_mistake_at_the_same_place_is_noted_once() -> None:
    problems = Problems()
    problems.add(wrong("x", 1))
    problems.add(wrong("x", 1))
    problems.add(wrong("x", 2))
    assert len(problems.all()) == 2


def test_only_so_many_mistakes_are_kept() -> None:
    problems = Problems()
    for line in range(MAX_PROBLEMS * 2):
        problems.add(wrong("x", line))
    assert len(problems.all()) == MAX_PROBLEMS


def test_other_errors_pass() -> None:
    problems = Problems()
    with pytest.raises(KeyError), problems:
        raise KeyError
    assert not problems
