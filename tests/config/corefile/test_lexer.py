"""How a Corefile's text is cut into words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.config.corefile import lexer
from resolver.config.corefile.lexer import rows
from resolver.config.problems import Problems
from resolver.errors import ConfigError, Place


def cut(text: str) -> list[list[str]]:
    problems = Problems()
    found = rows(text, "Corefile", problems)
    assert not problems
    return [[one.text for one in row.words] for row in found if row.words]


def comments(text: str) -> list[str]:
    return [row.comment for row in rows(text, "Corefile", Problems()) if row.comment is not None]


def test_words_stand_between_blanks_and_rows_between_line_ends() -> None:
    assert cut("a  b\tc\n\n  d\u00a0e") == [["a", "b", "c"], ["d", "e"]]


def test_windows_line_ends_are_line_ends() -> None:
    assert cut("a b\r\nc\r\n") == [["a", "b"], ["c"]]


def test_quotes_keep_blanks_and_hashes_in_one_word() -> None:
    assert cut('a "b # c" d') == [["a", "b # c", "d"]]


def test_inside_quotes_a_backslash_escapes_only_a_quote() -> None:
    assert cut(r'"say \"hi\" \n \\ \d"') == [[r'say "hi" \n \\ \d']]


def test_two_backslashes_do_not_escape_the_closing_quote() -> None:
    assert cut('"a\\\\" b') == [["a\\\\", "b"]]


def test_outside_quotes_a_backslash_is_itself_also_at_the_end_of_a_line() -> None:
    assert cut("a\\\nb \\d+ c\\") == [["a\\"], ["b", "\\d+", "c\\"]]


def test_a_quote_in_the_middle_of_a_word_is_part_of_it() -> None:
    assert cut('a"b c" d') == [['a"b', 'c"', "d"]]


def test_a_word_ends_with_its_closing_quote() -> None:
    assert cut('"a"b') == [["a", "b"]]


def test_empty_quotes_are_an_empty_word() -> None:
    assert cut('a ""') == [["a", ""]]


def test_a_quoted_word_may_run_over_line_ends_and_its_row_goes_on() -> None:
    assert cut('a "b\nc" d\ne') == [["a", "b\nc", "d"], ["e"]]


def test_a_comment_goes_to_the_end_of_the_line_even_from_the_middle_of_a_word() -> None:
    assert cut("a b#c d\n# e\nf") == [["a", "b"], ["f"]]
    assert comments("a b#c d  \n# e\nf") == ["c d", " e"]


def test_words_know_their_line_column_and_width() -> None:
    (row, other) = rows('a\t"b\nc" de\nf', "Corefile", Problems())
    assert [(one.at.line, one.at.column, one.width, one.quoted) for one in row.words] == [
        (1, 1, 1, False),
        (1, 3, 2, True),
        (2, 4, 2, False),
    ]
    assert other.at == Place("Corefile", 3, 1)


def test_a_text_inside_a_larger_file_counts_from_where_it_stands() -> None:
    found = rows("a\nb", "x.yaml", Problems(), origin=Place("x.yaml", 7, 5))
    assert [row.at for row in found] == [Place("x.yaml", 7, 5), Place("x.yaml", 8, 5)]


def test_a_quote_that_is_never_closed_is_reported_where_it_opens_and_the_next_lines_are_read() -> None:
    problems = Problems()
    found = rows('a "b c\nd', "Corefile", problems)
    assert [[one.text for one in row.words] for row in found] == [["a", "b c"], ["d"]]
    assert [str(error) for error in problems.all()] == ["Corefile:1:3: quote is never closed (add the missing quote)"]


def test_an_earlier_quote_over_several_lines_is_named_as_a_suspect() -> None:
    problems = Problems()
    rows('a "b\nc "d "e', "Corefile", problems)
    (error,) = problems.all()
    assert error.at == Place("Corefile", 2, 6)
    assert "the quote of line 1" in error.hint


def test_the_number_of_words_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lexer, "MAX_WORDS", 3)
    assert cut("a b\nc") == [["a", "b"], ["c"]]
    with pytest.raises(ConfigError, match="more than 3 words"):
        cut("a b\nc d")


def test_the_length_of_a_word_is_limited() -> None:
    assert cut("a" * lexer.MAX_WORD) == [["a" * lexer.MAX_WORD]]
    with pytest.raises(ConfigError, match="more than 65536 characters"):
        cut("a" * (lexer.MAX_WORD + 1))


@pytest.mark.parametrize("piece", ['"', '\\"', '" ', '"\\', "\\", "# ", '"\n', ' "\\\n', "a\n", "{", "\u2028"])
def test_a_long_text_of_anything_is_cut_in_a_moment(piece: str) -> None:
    text = piece * (150_000 // len(piece))
    start = time.process_time()
    for opening in ("", '"'):
        try:
            rows(opening + text, "Corefile", Problems())
        except ConfigError:
            pass
    assert time.process_time() - start < 10  # a quadratic cost would be many minutes


@given(st.lists(st.lists(st.text(st.characters(exclude_characters='"\\', exclude_categories=["Cs"])), min_size=1)))
def test_quoted_words_come_back_as_they_are(lines: list[list[str]]) -> None:
    text = "\n".join(" ".join(f'"{one}"' for one in line) for line in lines)
    assert cut(text) == lines


@given(st.text(alphabet=st.sampled_from('ab"\\# \n{}\r\t'), max_size=40))
def test_every_word_stands_where_it_says(text: str) -> None:
    lines = text.split("\n")
    for row in rows(text, "Corefile", Problems()):
        for one in row.words:
            assert lines[one.at.line - 1][one.at.column - 1 :].startswith('"' if one.quoted else one.text)
