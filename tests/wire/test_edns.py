"""The OPT record and its options."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import EdnsError, WireError
from resolver.wire.constants import EDE_STALE_ANSWER, OPTION_COOKIE, OPTION_EDE, OPTION_NSID
from resolver.wire.edns import (
    DO,
    Edns,
    extended_error,
    has_option,
    option,
    options,
    read_opt,
    without_options,
    write_opt,
)
from tests.wire.strategies import options as any_options


def fields(opt: bytes) -> tuple[int, int, bytes]:
    """Class, TTL and rdata of an OPT record."""
    assert opt[:3] == b"\0\0\x29"
    assert int.from_bytes(opt[9:11], "big") == len(opt) - 11
    return int.from_bytes(opt[3:5], "big"), int.from_bytes(opt[5:9], "big"), opt[11:]


@given(st.integers(0, 65535), st.booleans(), any_options, st.integers(0, 4095), st.integers(0, 0))
def test_opt_comes_back_as_it_was_written(size: int, do: bool, octets: bytes, rcode: int, version: int) -> None:
    opt = write_opt(size, do=do, options=octets, rcode=rcode, version=version)
    assert read_opt(*fields(opt)) == Edns(size, do, version, octets, rcode >> 4)


def test_other_bits_of_the_flags_mean_nothing() -> None:
    assert read_opt(1232, 0x7FFF, b"") == Edns(1232)
    assert read_opt(1232, 0xFFFF, b"").do


def test_the_options_of_another_version_are_left_out() -> None:
    assert read_opt(1232, 1 << 16 | DO, b"not options") == Edns(1232, True, 1, b"")


@pytest.mark.parametrize("octets", [b"\0", b"\0\3\0", b"\0\3\0\1", b"\0\3\0\0\0", b"\0\3\xff\xff" + bytes(65534)])
def test_options_that_do_not_add_up_are_refused(octets: bytes) -> None:
    with pytest.raises(EdnsError):
        read_opt(1232, 0, octets)


def test_options_are_found_and_left_out_by_their_codes() -> None:
    octets = option(OPTION_NSID, b"") + option(OPTION_COOKIE, b"12345678") + option(OPTION_NSID, b"x")
    assert list(options(octets)) == [(OPTION_NSID, b""), (OPTION_COOKIE, b"12345678"), (OPTION_NSID, b"x")]
    assert without_options(octets, frozenset((OPTION_NSID,))) == option(OPTION_COOKIE, b"12345678")
    assert has_option(octets, OPTION_COOKIE)
    assert not has_option(octets, OPTION_EDE)


def test_a_payload_that_no_option_can_hold_is_refused() -> None:
    with pytest.raises(WireError):
        option(OPTION_NSID, bytes(65536))


def test_an_extended_error_has_a_code_and_words() -> None:
    assert extended_error(EDE_STALE_ANSWER, "old") == b"\0\x0f\0\5\0\3old"


@given(st.text())
def test_the_words_of_an_extended_error_are_short_and_whole(text: str) -> None:
    [(code, payload)] = options(extended_error(EDE_STALE_ANSWER, text * 9))
    assert code == OPTION_EDE
    assert len(payload) <= 130
    payload[2:].decode()  # RFC 8914 section 2: UTF-8


def test_half_a_surrogate_in_an_extended_error_does_no_harm() -> None:
    assert extended_error(0, "\ud800")[6:] == b"?"


@given(st.binary(max_size=80))
def test_any_octets_are_options_or_refused(octets: bytes) -> None:
    try:
        found = list(options(octets))
    except EdnsError:
        return
    assert b"".join(option(code, payload) for code, payload in found) == octets
