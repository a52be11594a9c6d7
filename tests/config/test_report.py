"""What a person sees of the mistakes in a configuration."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from resolver.config.load import load_text
from resolver.config.report import MAX_WIDTH, render
from resolver.errors import ConfigError, ConfigErrors, Place
from tests.config.sources import MemoryFiles


def shown(line: str, column: int, length: int, hint: str = "") -> list[str]:
    error = ConfigError("is wrong", Place("Corefile", 1, column), length=length, hint=hint)
    return render(error, read=lambda _: line.encode()).splitlines()


def test_a_mistake_is_its_place_its_message_the_line_and_the_word_underlined() -> None:
    assert shown("cache thirty  ", 7, 6) == [
        "Corefile:1:7: is wrong",
        "    cache thirty",
        "          ^~~~~~",
    ]


def test_a_hint_has_a_line_of_its_own() -> None:
    assert shown("cahce", 1, 5, "did you mean cache?")[-1] == "    hint: did you mean cache?"


def test_tabs_stay_tabs_so_that_the_mark_stands_below_the_word() -> None:
    assert shown("\tcache\tx", 8, 1)[1:] == ["    \tcache\tx", "    \t     \t^"]


def test_wide_characters_take_two_cells_and_combining_ones_none() -> None:
    assert shown("日本 e\u0301 x", 7, 1)[2] == "    " + " " * 7 + "^"
    assert shown("日本", 1, 2)[2] == "    ^~~~"


def test_characters_that_steer_a_terminal_are_not_passed_on() -> None:
    text = "\n".join(shown("a \x1b[31m\u202e\x9b b", 1, 1))
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "\x9b" not in text
    assert "?[31m" in text


def test_a_long_line_is_shown_around_the_word() -> None:
    _, line, mark = shown("x" * 1000 + " bad " + "y" * 1000, 1002, 3)
    assert len(line) <= MAX_WIDTH + 20
    assert line.startswith("    ...")
    assert line.endswith("...")
    assert line[mark.index("^") : mark.index("^") + 3] == "bad"


def test_the_mark_ends_with_the_line() -> None:
    assert shown("ab", 1, 99)[2] == "    ^~"
    assert shown("ab", 50, 9)[2] == "      ^"


def test_without_place_or_source_the_message_stands_alone() -> None:
    assert render(ConfigError("cannot read x")) == "cannot read x\n"

    def gone(path: str) -> bytes:
        raise FileNotFoundError(path)

    assert render(ConfigError("bad", Place("nowhere", 1)), read=gone) == "nowhere:1:1: bad\n"
    assert shown("a", 1, 1)[1:] != []
    assert render(ConfigError("bad", Place("f", 9)), read=lambda _: b"one line") == "f:9:1: bad\n"


def test_all_mistakes_are_shown_and_each_file_is_read_once() -> None:
    files = MemoryFiles({"Corefile": "a\nb\n", "other": "c\n"})
    places = [Place("Corefile", 1), Place("Corefile", 2), Place("other", 1)]
    text = render(ConfigErrors([ConfigError("bad", at) for at in places]), read=files.read)
    assert [line for line in text.splitlines() if "bad" in line] == [
        "Corefile:1:1: bad",
        "Corefile:2:1: bad",
        "other:1:1: bad",
    ]
    assert files.reads == ["Corefile", "other"]


@given(st.text(max_size=200), st.integers(1, 300), st.integers(1, 300))
def test_any_source_can_be_shown(line: str, column: int, length: int) -> None:
    lines = render(
        ConfigError("bad", Place("f", 1, column), length=length), read=lambda _: line.encode("utf-8", "replace")
    )
    assert lines.startswith(f"f:1:{column}: bad\n")


@given(st.text(alphabet=st.sampled_from('a.{}"# \n\t\\,()日'), max_size=80))
def test_the_mistakes_of_any_text_can_be_shown(text: str) -> None:
    found = errors_in(text)
    if found is not None:
        assert render(found, read=lambda _: text.encode()).count("Corefile:") >= len(found.errors)


def errors_in(text: str) -> ConfigErrors | None:
    try:
        load_text(text, environ={}, files=MemoryFiles())
    except ConfigErrors as errors:
        return errors
    return None
