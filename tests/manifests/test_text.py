"""YAML text: it says what the document says, and reads as if a person had written it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from resolver.manifests.text import Note, render

PRINTABLE = st.text(st.characters(max_codepoint=0x24F, exclude_categories=["C"]), max_size=30)
WORDS = PRINTABLE | st.sampled_from(
    ["yes", "No", "on", "null", "~", "1e3", "0x1f", "12:30:45", "-", "a: b", "# c", "None"]
)
SCALARS = WORDS | st.integers() | st.booleans() | st.none()
LINES = st.lists(st.text("abc #:-'\"{}", min_size=1, max_size=20), min_size=2, max_size=4)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS | LINES.map(lambda lines: "x" + "\n".join(lines) + "\n"),
    lambda inner: (
        st.lists(inner.filter(lambda item: not isinstance(item, list)), max_size=4)
        | st.dictionaries(WORDS, inner, min_size=1, max_size=4)
    ),
    max_leaves=12,
)


@given(st.dictionaries(WORDS, VALUES, min_size=1, max_size=4))
def test_whatever_is_written_is_read_again(document: dict[str, Any]) -> None:
    assert yaml.safe_load(render(document)) == document


def test_comments_stand_before_what_they_are_about() -> None:
    text = render({"a": [{Note("why"): None, "b": 1, "c": 2}, Note("and"), {"d": {}}], Note("at last"): None, "e": []})
    assert text == "a:\n# why\n- b: 1\n  c: 2\n# and\n- d: {}\n# at last\ne: []\n"


def test_long_comments_are_wrapped() -> None:
    text = render({Note("word " * 60): None, "a": 1})
    assert len(text.splitlines()) == 4
    assert all(len(line) <= 112 for line in text.splitlines())


def test_long_texts_are_blocks_and_short_lists_are_lines() -> None:
    assert render({"Corefile": ". {\n    errors\n}\n", "verbs": ["list", "watch"]}) == (
        "Corefile: |\n  . {\n      errors\n  }\nverbs: [list, watch]\n"
    )


@pytest.mark.parametrize(
    "word", ["yes", "y", "53", "1.0", "1e3", "0o17", "on", "None", "null", "12:30", "- a", "a: b", ""]
)
def test_words_that_yaml_or_a_reader_would_take_for_something_else_are_quoted(word: str) -> None:
    assert render({"a": word}) == f'a: "{word}"\n'
