"""Frames and control frames."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.telemetry.framestream import ACCEPT, READY, STOP, control_frame, data_frame, read_control

DNSTAP = b"protobuf:dnstap.Dnstap"


def test_a_data_frame_is_its_length_and_its_payload() -> None:
    assert data_frame(b"abc") == b"\0\0\0\3abc"


def test_a_control_frame_begins_with_an_empty_length() -> None:
    assert control_frame(STOP) == bytes.fromhex("00000000 00000004 00000003")
    assert control_frame(READY, b"x") == bytes.fromhex("00000000 0000000d 00000004 00000001 00000001") + b"x"


def test_what_is_written_is_read_again() -> None:
    assert read_control(control_frame(ACCEPT, DNSTAP)[8:]) == (ACCEPT, (DNSTAP,))
    assert read_control(control_frame(STOP)[8:]) == (STOP, ())


def test_several_content_types_are_read() -> None:
    frame = control_frame(READY, b"a")[8:] + control_frame(READY, b"b")[12:]
    assert read_control(frame) == (READY, (b"a", b"b"))


@pytest.mark.parametrize("frame", ["", "000000", "0000000100", "00000001000000020000000178", "0000000100000001000009"])
def test_broken_control_frames_are_refused(frame: str) -> None:
    with pytest.raises(WireError):
        read_control(bytes.fromhex(frame))


@given(st.binary(max_size=64))
def test_any_octets_are_a_control_frame_or_an_error(octets: bytes) -> None:
    try:
        kind, types = read_control(octets)
    except WireError:
        return
    assert 0 <= kind < 2**32
    assert sum(len(one) + 8 for one in types) + 4 == len(octets)
