"""PROXY headers of both versions are read, and what is none is not taken for one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.wire.proxy import DATAGRAM, SIGNATURE, STREAM, Header, is_incomplete, read_header

FOUR = bytes([192, 0, 2, 7, 10, 0, 0, 1]) + (4711).to_bytes(2, "big") + (53).to_bytes(2, "big")
SIX = bytes.fromhex("20010db8" + "00" * 11 + "07") + bytes(16) + b"\x12\x67\0\x35"

MAPPED = bytes(10) + b"\xff\xff" + bytes([192, 0, 2, 7]) + bytes(16) + b"\x12\x67\0\x35"


def second(command: int, family: int, body: bytes) -> bytes:
    return SIGNATURE + bytes((command, family)) + len(body).to_bytes(2, "big") + body


@pytest.mark.parametrize(
    ("octets", "header"),
    [
        (b"PROXY TCP4 192.0.2.7 10.0.0.1 4711 53\r\n", Header(39, 1, ("192.0.2.7", 4711), STREAM)),
        (b"PROXY TCP6 2001:DB8::7 ::1 4711 53\r\n", Header(36, 1, ("2001:db8::7", 4711), STREAM)),
        (b"PROXY UNKNOWN\r\n", Header(15, 1)),
        (b"PROXY UNKNOWN ffff::1 ::2 1 2\r\n", Header(31, 1)),
        (second(0x21, 0x12, FOUR), Header(28, 2, ("192.0.2.7", 4711), DATAGRAM)),
        (second(0x21, 0x11, FOUR), Header(28, 2, ("192.0.2.7", 4711), STREAM)),
        (second(0x21, 0x22, SIX), Header(52, 2, ("2001:db8::7", 4711), DATAGRAM)),
        (b"PROXY TCP6 ::ffff:192.0.2.7 ::1 4711 53\r\n", Header(41, 1, ("192.0.2.7", 4711), STREAM)),
        (second(0x21, 0x22, MAPPED), Header(52, 2, ("192.0.2.7", 4711), DATAGRAM)),
        (second(0x21, 0x12, FOUR + b"\4\0\1x"), Header(32, 2, ("192.0.2.7", 4711), DATAGRAM)),
        (second(0x20, 0x00, b""), Header(16, 2)),
        (second(0x20, 0x12, FOUR), Header(28, 2, None, DATAGRAM)),
        (second(0x21, 0x31, bytes(216)), Header(232, 2, None, STREAM)),
    ],
)
def test_a_header_is_read_whatever_follows_it(octets: bytes, header: Header) -> None:
    assert read_header(octets) == header
    assert read_header(octets + b"query") == header
    assert not is_incomplete(octets)
    for length in range(len(octets)):
        assert is_incomplete(octets[:length])


@pytest.mark.parametrize("octets", [b"", b"\0\1\0\0", b"\r\n\r\n\0\r\nQUIX", b"PROX", b"\0\x1d" + b"x" * 29])
def test_what_is_no_header_is_left_alone(octets: bytes) -> None:
    assert read_header(octets) is None


@pytest.mark.parametrize(
    "octets",
    [
        b"PROXY TCP4 192.0.2.7\r\n", b"PROXY TCP4 2001:db8::1 ::1 1 2\r\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 70000 2\r\n",
        b"PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n", b"PROXY " + b"x" * 200, second(0x31, 0x12, FOUR),
        second(0x22, 0x12, FOUR),
        second(0x21, 0x42, FOUR), second(0x21, 0x13, FOUR), second(0x21, 0x12, FOUR[:11]), second(0x21, 0x22, FOUR),
        second(0x21, 0x12, FOUR + bytes(5000)), b"PROXY TCP4 \xff 1.2.3.4 1 2\r\n",
        b'PROXY TCP6 fe80::1%","rule":" ::1 1 2\r\n',
    ],
)  # fmt: skip
def test_a_broken_header_is_an_error(octets: bytes) -> None:
    with pytest.raises(WireError):
        read_header(octets)
    with pytest.raises(WireError):
        is_incomplete(octets)


@given(st.binary(max_size=80), st.sampled_from([b"", SIGNATURE, SIGNATURE + b"\x21\x12", b"PROXY TCP4 "]))
def test_any_octets_are_a_header_or_none_or_an_error(octets: bytes, start: bytes) -> None:
    try:
        header = read_header(start + octets)
    except WireError:
        return
    assert header is None or header.length <= len(start + octets)
