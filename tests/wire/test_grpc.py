"""DNS messages in the packets of gRPC."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.wire.grpc import FRAME, LARGEST, read_packet, write_packet


@given(st.binary(max_size=400))
def test_a_message_comes_out_as_it_went_in(message: bytes) -> None:
    assert read_packet(write_packet(message)[FRAME:]) == message


def test_the_frame_says_that_nothing_is_compressed_and_how_long_the_packet_is() -> None:
    assert write_packet(b"abc") == b"\0\0\0\0\x05\x0a\x03abc"


def test_the_largest_message_makes_the_largest_packet() -> None:
    packet = write_packet(bytes(65_535))
    assert len(packet) == FRAME + LARGEST
    assert read_packet(packet[FRAME:]) == bytes(65_535)


def test_fields_that_nobody_knows_are_passed_over_and_the_last_message_counts() -> None:
    unknown = b"\x10\x96\x01" + b"\x19" + bytes(8) + b"\x25" + bytes(4) + b"\x2a\x02hi"
    assert read_packet(unknown + b"\x0a\x01a" + unknown + b"\x0a\x01b") == b"b"


def test_a_packet_without_a_message_has_an_empty_one() -> None:
    assert read_packet(b"") == b""


@pytest.mark.parametrize(
    ("packet", "reason"),
    [
        (b"\x0a\x05abc", "longer than its packet"),
        (b"\x0a", "no end"),
        (b"\x0b", "unknown kind"),
        (b"\x02\x01a", "number 0"),
        (b"\xff" * 11, "no end"),
        (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "longer than its packet"),
    ],
)
def test_what_is_no_packet_is_refused(packet: bytes, reason: str) -> None:
    with pytest.raises(WireError, match=reason):
        read_packet(packet)


@given(st.binary(max_size=60))
def test_any_octets_are_a_packet_or_an_error(octets: bytes) -> None:
    with suppress(WireError):
        assert len(read_packet(octets)) <= len(octets)
