"""Heads of requests are the same whether they are read whole or by what is known of the client."""

from __future__ import annotations

import hpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.listeners.exchange import Head, head_of
from resolver.listeners.fields import Blocks, check_request
from resolver.listeners.heads import Heads

# :method GET, :scheme https from the static table; a type that is written out and not to be kept.
BEFORE, BEHIND = b"\x82\x87", b"\x0f\x10\x01x"
PATHS = st.sampled_from([b"/dns-query", b"/dns-query?dns=AAAB", b"/" + b"a" * 125, b"/" + b"a" * 200, b"/\r\n", b""])


class Plain:
    """Reads every block whole."""

    def __init__(self) -> None:
        self.blocks = Blocks()

    def read(self, block: bytes) -> Head:
        """The head. Raises WireError."""
        headers = self.blocks.read(block)
        check_request(headers)
        fields = dict(headers)
        return head_of(fields[b":method"].decode("latin-1"), fields[b":path"].decode("latin-1"), headers)


def path(text: bytes, *, folded: bool = False) -> bytes:
    """A path as most clients write it."""
    octets = hpack.Encoder().huffman_coder.encode(text) if folded else text
    size = bytes((len(octets),)) if len(octets) < 127 else bytes((127, len(octets) - 127))
    return b"\x04" + bytes((size[0] | 0x80 * folded,)) + size[1:] + octets


def outcome(reader: Heads | Plain, block: bytes) -> Head | str:
    try:
        return reader.read(block)
    except WireError as error:
        return str(error)


BLOCKS = st.one_of(
    st.builds(
        lambda before, text, folded, behind: before + path(text, folded=folded) + behind,
        # from the table; put into the table (:method, x: y); with the table made smaller
        st.sampled_from([BEFORE, BEFORE, b"\x87\x42\x03PUT", b"\x20" + BEFORE]),
        PATHS,
        st.booleans(),
        st.sampled_from(
            [BEHIND, BEHIND, b"", b"\x0f\x10\x01y", b"\x40\x01x\x01y", b"\x40\x01x\x01z", b"\xbe", b"\x84"]
        ),
    ),
    st.binary(max_size=12),
)


@given(st.lists(BLOCKS, max_size=12))
def test_what_is_known_of_a_client_changes_nothing(blocks: list[bytes]) -> None:
    known, plain = Heads(), Plain()
    for block in blocks:
        for octets in (block, block, block[:-1]):
            found, expected = outcome(known, octets), outcome(plain, octets)
            assert found == expected
            if isinstance(expected, str) and "field" not in expected:
                return  # the connection has ended


def test_only_the_path_of_a_known_client_is_read() -> None:
    heads = Heads()
    first = heads.read(BEFORE + path(b"/dns-query?dns=AAAA") + BEHIND)
    read, heads.blocks.read = heads.blocks.read, pytest.fail  # type: ignore[method-assign, assignment]
    second = heads.read(BEFORE + path(b"/dns-query?dns=BBBB", folded=True) + BEHIND)
    heads.blocks.read = read  # type: ignore[method-assign]
    assert (first.target, second.target) == ("/dns-query?dns=AAAA", "/dns-query?dns=BBBB")
    assert first[:1] + first[2:] == second[:1] + second[2:] == ("GET", "x", 0)


def test_little_is_remembered_of_each_client() -> None:
    heads = Heads()
    for number in range(1000):
        heads.read(BEFORE + path(b"/") + b"\x0f\x10\x04%04d" % number)
    assert len(heads._around) <= 64


def test_a_block_that_repeats_is_read_once() -> None:
    """As those of POST and gRPC do, whose path is in the table."""
    heads = Heads()
    block = BEFORE + b"\x84" + BEHIND
    first = heads.read(block)
    heads.blocks.read = pytest.fail  # type: ignore[method-assign, assignment]
    assert heads.read(block) is first
