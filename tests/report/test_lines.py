"""Octets to lines, with msgspec and without."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.report.lines import Decode, decoder, with_json
from tests.support.audit_lines import encoded

WAYS = [pytest.param(decoder(), id="msgspec"), pytest.param(with_json, id="json")]
_BOTH = (decoder(), with_json)


@pytest.mark.parametrize("decode", WAYS)
def test_fields_that_are_not_there_are_empty_and_unknown_ones_are_no_mistake(decode: Decode) -> None:
    lines, bad = decode(b'{"time":"2026-11-22T10:00:00.000000Z","colour":"red","upstream_ms":3}\n')
    assert bad == 0
    assert (lines[0].name, lines[0].sampled, lines[0].upstream_ms, list(lines[0].ede)) == ("", 1, 3, [])


@pytest.mark.parametrize("decode", WAYS)
@pytest.mark.parametrize(
    "wrong",
    [
        b"nothing",
        b"[]",
        b"{}",
        b'{"time":5}',
        b'{"time":"x","name":7}',
        b'{"time":"x","size":"7"}',
        b'{"time":"x","ede":[1]}',
        b'{"time":"x","name":"\xff"}',
        b'{"time":"x"',
        b"[" * 100_000,
    ],
)
def test_a_bad_line_is_counted_and_its_neighbours_are_read(decode: Decode, wrong: bytes) -> None:
    good = b'{"time":"2026-11-22T10:00:00.000000Z","name":"a."}\n'
    lines, bad = decode(good + wrong + b"\n\n" + good)
    assert [one.name for one in lines] == ["a.", "a."]
    assert bad == 1


def test_both_ways_read_the_same() -> None:
    octets = encoded(2000)
    (fast, _), (plain, _) = (decode(octets) for decode in _BOTH)
    fields = plain[0].__dataclass_fields__
    assert len(fast) == len(plain) == 2000
    assert all(
        getattr(one, name) == getattr(other, name) for one, other in zip(fast, plain, strict=True) for name in fields
    )


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: json.dumps({"time": text}).encode()))
def test_any_octets_are_lines_or_counted(octets: bytes) -> None:
    count = sum(bool(one.strip()) for one in octets.split(b"\n"))
    for decode in _BOTH:
        lines, bad = decode(octets)
        assert len(lines) + bad == count
