"""The client subnet option."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import EdnsError
from resolver.wire.edns import option
from resolver.wire.subnet import BITS, ClientSubnet, subnet_around, subnet_of


@pytest.mark.parametrize(
    "payload",
    ["0001100ac000", "00011800c00002", "0002380020010db8000001", "00010000", "00000000", "00011900c0000280"],
)
def test_what_is_right_comes_out_as_it_went_in(payload: str) -> None:
    whole = option(8, bytes.fromhex(payload))
    found = subnet_of(option(10, b"12345678") + whole)
    assert found is not None
    assert found.option() == whole


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ("", "cut off"),
        ("000118", "cut off"),
        ("00011800c000", "does not fit"),
        ("00011800c0000201", "does not fit"),
        ("00011900c0000201", "does not fit"),
        ("00012100c000020100", "longer than an address"),
        ("00010021", "longer than an address"),
        ("00031800c00002", "unknown family"),
        ("00001800c00002", "longer than an address"),
    ],
)
def test_what_is_wrong_is_refused(payload: str, message: str) -> None:
    with pytest.raises(EdnsError, match=message):
        subnet_of(option(8, bytes.fromhex(payload)))


def test_two_of_them_are_refused() -> None:
    one = option(8, bytes.fromhex("00011800c00002"))
    with pytest.raises(EdnsError, match="several"):
        subnet_of(one + one)


@given(st.binary(max_size=40))
def test_any_octets_are_a_subnet_or_an_error(payload: bytes) -> None:
    try:
        found = subnet_of(option(8, payload))
    except EdnsError:
        return
    assert found is not None
    assert found.option() == option(8, payload)


@given(st.ip_addresses(), st.integers(0, 128), st.integers(0, 128))
def test_a_subnet_can_only_be_cut(address: object, bits: int, fewer: int) -> None:
    parsed = ip_address(str(address))
    bits = min(bits, parsed.max_prefixlen)
    subnet = subnet_around(parsed, bits)
    assert BITS[subnet.family] == parsed.max_prefixlen
    shorter = subnet.cut(fewer)
    assert shorter == subnet_around(parsed, min(bits, fewer))
    assert subnet_of(shorter.option()) == shorter


def test_bits_behind_the_prefix_are_gone() -> None:
    assert subnet_around(ip_address("192.0.2.255"), 25) == ClientSubnet(1, 25, 0, bytes((192, 0, 2, 128)))
