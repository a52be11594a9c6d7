"""Names between octets and text."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.wire import names as codec
from resolver.wire.names import ROOT, from_text, plain_name, read_name, to_text
from tests.wire.strategies import any_octets, names, wire_name

WWW = b"\3www\7example\3org\0"


def test_a_name_is_read_through_its_pointers() -> None:
    message = bytes(12) + WWW + b"\4mail\xc0\x10" + b"\xc0\x1d"
    assert read_name(message, 29) == (b"\4mail\7example\3org\0", 36)
    assert read_name(message, 36) == (b"\4mail\7example\3org\0", 38)


@pytest.mark.parametrize(
    ("octets", "offset"),
    [
        (bytes(12) + b"\xc0\x0c", 12),  # to itself
        (bytes(12) + b"\xc0\x0e\0\0", 12),  # forward
        (bytes(12) + b"\1a\xc0\x0e\1b\xc0\x0c", 16),  # a loop
        (bytes(12) + b"\1a\xc0\x04", 12),  # into the header, which differs from message to message
        (bytes(12) + b"\1a\xc0", 12),
        (bytes(12) + b"\1a", 12),
        (bytes(12) + b"\5abc", 12),
        (bytes(12) + b"\x40a\0", 12),
        (bytes(12) + b"\x80a\0", 12),
        (bytes(12), 12),
    ],
)
def test_a_name_that_leads_nowhere_is_refused(octets: bytes, offset: int) -> None:
    with pytest.raises(WireError):
        read_name(octets, offset)


def test_a_name_of_255_octets_is_read_and_one_more_is_not() -> None:
    longest = wire_name([b"a" * 63, b"b" * 63, b"c" * 63, b"d" * 61])
    assert len(longest) == 255
    assert read_name(longest + b"\0", 0) == (longest, 255)
    assert plain_name(longest, 0) == (longest, 255)
    too_long = longest.replace(b"\x3d" + b"d" * 61, b"\x3e" + b"d" * 62)
    for read in (read_name, plain_name):
        with pytest.raises(WireError):
            read(too_long, 0)


def test_a_long_chain_of_pointers_costs_no_time() -> None:
    chain = bytes(12) + ROOT + bytes(1)
    while len(chain) < 0x3FFE:
        chain += (0xC000 | max(len(chain) - 2, 12)).to_bytes(2, "big")
    begun = time.process_time()
    for _ in range(1000):
        with pytest.raises(WireError, match="pointer"):
            read_name(chain, len(chain) - 2)
    assert time.process_time() - begun < 1


def test_a_compressed_name_is_refused_where_none_may_stand() -> None:
    # The second octet of the pointer looks like the root; the name must not end there.
    for octets in (b"\3www\xc0\0", b"\xc0\0", b"\1a\xc0\x0c"):
        with pytest.raises(WireError):
            plain_name(octets, 0)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (".", ROOT),
        ("", ROOT),
        ("www.example.org", WWW),
        ("www.example.org.", WWW),
        (r"a\.b.org", b"\3a.b\3org\0"),
        (r"\065\\.org", b"\2A\\\3org\0"),
        (r"\000.", b"\1\0\0"),
        (r"a\ b", b"\3a b\0"),
    ],
)
def test_text_becomes_a_name(text: str, name: bytes) -> None:
    assert from_text(text) == name


@pytest.mark.parametrize(
    "text",
    ["a..b", ".a", "..", "a" * 64, "\\", "a\\", r"\256", r"\1a", r"\25", "b\u00fccher.de", "\\\u00fc", "a." * 128],
)
def test_text_that_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        from_text(text)


def test_an_error_about_a_long_text_is_short() -> None:
    with pytest.raises(WireError) as caught:
        from_text("a" * 1_000_000)
    assert len(str(caught.value)) < 2000


def test_what_would_mean_something_is_escaped() -> None:
    assert to_text(b'\7a.b c;@\3"\\(\2\0\xff\0') == r"a\.b\032c\;\@.\"\\\(.\000\255."


@given(names)
def test_a_name_comes_back_from_its_text(name: bytes) -> None:
    assert from_text(to_text(name)) == name
    assert to_text(name).isascii()
    assert to_text(name).isprintable()


@given(st.text(max_size=300) | st.text(alphabet="a.\\0129-_é", max_size=80))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = from_text(text)
    except WireError:
        return
    assert plain_name(name, 0) == (name, len(name))
    assert from_text(to_text(name)) == name


@given(any_octets, st.integers(0, 620))
def test_any_octets_are_a_name_or_refused(octets: bytes, offset: int) -> None:
    try:
        name, end = read_name(octets, offset)
    except WireError:
        return
    assert offset < end <= len(octets)
    assert plain_name(name, 0) == (name, len(name))


@given(any_octets, st.integers(0, 620))
def test_a_plain_name_is_what_a_reader_of_pointers_reads(octets: bytes, offset: int) -> None:
    try:
        name, end = plain_name(octets, offset)
    except WireError:
        return
    assert octets[offset:end] == name
    assert read_name(octets, offset) == (name, end)


@given(names)
def test_labels_and_suffixes_agree(name: bytes) -> None:
    labels = list(codec.labels(name))
    assert wire_name(labels) == name
    assert codec.count_labels(name) == len(labels)
    suffixes = list(codec.suffixes(name))
    assert suffixes[0] == name
    assert suffixes[-1] == ROOT
    assert len(suffixes) == len(labels) + 1
    assert codec.parent(name) == (suffixes[1] if labels else ROOT)


@given(names, names)
def test_a_name_is_below_exactly_its_suffixes(name: bytes, zone: bytes) -> None:
    name, zone = name.lower(), zone.lower()
    assert codec.is_below(name, zone) == (zone in list(codec.suffixes(name)))
