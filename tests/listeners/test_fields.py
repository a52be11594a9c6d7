"""Header blocks are read as the library hpack reads them, and what is written it can read."""

from __future__ import annotations

from contextlib import suppress

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.listeners.exchange import MAX_HEADER, Headers
from resolver.listeners.fields import Blocks, check_request, unfold, write_block

OCTETS = st.binary(max_size=40)
FIELDS = st.lists(
    st.tuples(st.sampled_from([b":method", b":path", b"accept", b"x-y", b"date", b"cookie"]) | OCTETS, OCTETS),
    max_size=8,
)
GOOD: Headers = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/dns-query"), (b"accept", b"*/*")]


@given(st.lists(st.tuples(FIELDS, st.booleans()), max_size=6), st.sampled_from([4096, 0, 100]))
def test_blocks_are_read_as_another_reads_them(blocks: list[tuple[Headers, bool]], table: int) -> None:
    encoder, ours = hpack.Encoder(), Blocks()
    encoder.header_table_size = table
    for fields, huffman in blocks:
        for _ in range(3):  # repeats come from memory where they change nothing
            assert ours.read(encoder.encode(fields, huffman=huffman)) == fields


@given(st.lists(st.binary(max_size=60), max_size=4))
def test_any_octets_are_read_as_another_reads_them_or_refused(blocks: list[bytes]) -> None:
    other, ours = hpack.Decoder(max_header_list_size=MAX_HEADER), Blocks()
    for block in blocks:
        theirs: Headers | None = None
        with suppress(hpack.HPACKError):
            theirs = [(bytes(name), bytes(value)) for name, value in other.decode(block, raw=True)]
        try:
            found = ours.read(block)
        except WireError:
            return
        assert theirs == found


@given(FIELDS)
def test_what_is_written_is_read_by_another(fields: Headers) -> None:
    decoder = hpack.Decoder()
    decoded = [(bytes(name), bytes(value)) for name, value in decoder.decode(write_block(tuple(fields)), raw=True)]
    assert decoded == fields
    assert not decoder.header_table.dynamic_entries


@given(st.binary(max_size=200))
def test_folded_strings_are_unfolded(text: bytes) -> None:
    encoder = hpack.Encoder()
    assert unfold(encoder.huffman_coder.encode(text)) == text


@pytest.mark.parametrize("octets", [b"\xff\xff\xff\xff", b"\x00\x00\x01", b"\x1f\xff"])
def test_strings_that_end_within_a_symbol_are_refused(octets: bytes) -> None:
    with pytest.raises(WireError):
        unfold(octets)


def test_a_block_means_something_else_when_the_table_has_changed() -> None:
    encoder, ours = hpack.Encoder(), Blocks()
    for value in (b"1", b"2", b"3"):
        assert ours.read(encoder.encode([(b"x-y", value)])) == [(b"x-y", value)]
        assert ours.read(b"\xbe") == [(b"x-y", value)]
        assert ours.read(b"\xbe") == [(b"x-y", value)]


def test_fields_that_unfold_are_refused() -> None:
    """One octet can stand for four thousand."""
    ours = Blocks()
    ours.read(b"\x40\x01a\x7f\xa1\x1e" + b"b" * 4000)
    with pytest.raises(WireError, match="too long"):
        ours.read(b"\xbe" * 5)


def test_the_table_never_holds_more_than_was_allowed() -> None:
    ours = Blocks()
    for number in range(500):
        ours.read(b"\x40\x04%04d\x7f\x21" % number + b"v" * 160)
    assert ours._size <= 4096
    with pytest.raises(WireError, match="larger"):
        ours.read(b"\x3f\xff\x7f")
    ours.read(b"\x20")
    assert not ours._entries


@pytest.mark.parametrize(
    "fields",
    [
        GOOD[1:], [*GOOD, (b":path", b"/")], [GOOD[3], *GOOD[:3]], [*GOOD[:3], GOOD[2], GOOD[3]],
        [*GOOD, (b"connection", b"close")], [*GOOD, (b"te", b"gzip")], [*GOOD, (b"Accept", b"a")], [*GOOD, (b"", b"a")],
        [*GOOD, (b"a", b"b\r\nc: d")], [(b":method", b"GE\nT"), *GOOD[1:]], [*GOOD, (b":unknown", b"a")],
    ],
)  # fmt: skip
def test_fields_that_no_request_may_have_are_refused(fields: Headers) -> None:
    check_request(GOOD)
    check_request([*GOOD, (b"te", b"trailers")])
    with pytest.raises(WireError):
        check_request(fields)
