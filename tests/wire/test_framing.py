"""Messages on a stream."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.wire.framing import Deframer, frame

messages = st.lists(st.binary(min_size=12, max_size=80), max_size=6)


def pieces(octets: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(octets) + 1) for cut in cuts), len(octets)]
    return [octets[begin:end] for begin, end in pairwise(edges)]


@given(messages, st.lists(st.integers(0, 1000), max_size=8))
def test_messages_come_out_whole_however_the_stream_was_cut(given_messages: list[bytes], cuts: list[int]) -> None:
    deframer = Deframer()
    stream = b"".join(map(frame, given_messages))
    assert [found for piece in pieces(stream, cuts) for found in deframer.feed(piece)] == given_messages
    assert not deframer.pending


@given(st.binary(max_size=300), st.lists(st.integers(0, 1000), max_size=8))
def test_any_octets_are_messages_or_refused(stream: bytes, cuts: list[int]) -> None:
    deframer = Deframer()
    try:
        found = [message for piece in pieces(stream, cuts) for message in deframer.feed(piece)]
    except WireError:
        return
    assert b"".join(map(frame, found)) == stream[: sum(len(message) + 2 for message in found)]
    assert all(len(message) >= 12 for message in found)


def test_half_a_message_is_pending() -> None:
    deframer = Deframer()
    assert deframer.feed(b"\0") == []
    assert deframer.pending
    assert deframer.feed(b"\x0c" + bytes(11)) == []
    assert deframer.feed(bytes(1)) == [bytes(12)]
    assert not deframer.pending


def test_a_frame_without_room_for_a_header_is_refused_after_what_came_before_it() -> None:
    deframer = Deframer()
    assert deframer.feed(frame(bytes(12)) + b"\0\x0b") == [bytes(12)]
    with pytest.raises(WireError):
        deframer.feed(b"")


def test_the_longest_message_has_a_frame_and_a_longer_one_has_none() -> None:
    assert Deframer().feed(frame(bytes(65535))) == [bytes(65535)]
    with pytest.raises(WireError):
        frame(bytes(65536))
