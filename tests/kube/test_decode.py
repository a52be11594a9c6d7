"""JSON of the API in pieces."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.kube import decode


@given(st.lists(st.binary(max_size=20).filter(lambda line: b"\n" not in line)), st.lists(st.integers(1, 9)))
def test_lines_do_not_depend_on_how_they_are_cut(lines: list[bytes], cuts: list[int]) -> None:
    text = b"".join(line + b"\n" for line in lines)
    reader = decode.Lines(limit=12)
    found: list[bytes] = []
    while text:
        size = cuts.pop() if cuts else 1 + len(text) // 2
        found += reader.feed(text[:size])
        text = text[size:]
    assert found == [line for line in lines if line.strip() and len(line) <= 12]
    assert reader.dropped == sum(len(line) > 12 for line in lines)


def test_a_line_without_an_end_does_not_grow() -> None:
    reader = decode.Lines(limit=100)
    for _ in range(1000):
        assert list(reader.feed(b"x" * 50)) == []
    assert len(reader._rest) <= 150
    assert list(reader.feed(b"x\nnext\n")) == [b"next"]
    assert reader.dropped == 1


def test_managed_fields_are_not_kept() -> None:
    tree = decode.tree(json.dumps({"metadata": {"name": "a", "managedFields": [{}]}}).encode())
    assert tree == {"metadata": {"name": "a"}}
    assert decode.key_of(tree) == "a"


def test_an_empty_list_may_have_null_for_its_items() -> None:
    page = decode.page(b'{"kind":"List","metadata":{"resourceVersion":"5"},"items":null}')
    assert (page.items, page.metadata.resource_version, page.metadata.more) == (None, "5", "")


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"message": "no", "code": 500}', ("no", 500)),
        (b'{"reason": "Expired", "code": 504}', ("Expired", 410)),
        (b'{"code": "x"}', ("", 0)),
        (b"[1]", ("", 0)),
        (b"plain text", ("", 0)),
        (b"", ("", 0)),
    ],
)
def test_what_the_api_says_is_wrong(body: bytes, found: tuple[str, int]) -> None:
    assert decode.status(body) == found


@given(st.binary(max_size=60))
def test_any_octets_are_an_event_or_garbage(octets: bytes) -> None:
    for read in (decode.page, decode.event, decode.tree):
        try:
            read(octets)
        except decode.Garbage:
            continue
