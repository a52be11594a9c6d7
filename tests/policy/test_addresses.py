"""Addresses that lead to the inside."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.policy.addresses import hinted, is_inside


def teredo(client: str, server: str = "65.54.227.120") -> str:
    """A Teredo address, which has the client's IPv4 address turned over (RFC 4380 section 4)."""
    hidden = bytes(octet ^ 0xFF for octet in ip_address(client).packed)
    packed = b"\x20\x01\0\0" + ip_address(server).packed + b"\x80\0\x63\xbf" + hidden
    return str(ip_address(packed))


INSIDE = [
    "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "127.9.9.9", "0.0.0.0",
    "0.1.2.3", "169.254.169.254", "100.64.0.1", "100.127.255.255", "255.255.255.255", "::", "::1", "fe80::1", "febf::1",
    "fec0::1", "fc00::1", "fd12::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1", "::10.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:0a00:0001::1", "2002:c0a8:0101::",
    "::ffff:0:10.0.0.1", "2001:db8::5efe:10.0.0.1", "2001:db8::200:5efe:192.168.1.1",
    "feff::1", "feff:ffff::", "240.0.0.1", "254.1.2.3", "198.18.0.1", "198.19.255.255", "192.0.0.1", "192.0.0.8",
    "224.0.0.251", "239.255.255.250", "ff01::1", "ff02::fb", "ff05::2", "ff18::1", "2001:2::1", "5f00::1",
    teredo("10.0.0.1"), teredo("192.168.0.9"), teredo("127.0.0.1"), teredo("8.8.8.8", server="10.0.0.1"),
    "64:ff9b::198.18.0.1", "2002:f000:0001::",
]  # fmt: skip
OUTSIDE = [
    "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.0.1", "192.169.0.1", "100.63.255.255",
    "100.128.0.0", "169.253.0.1", "128.0.0.1", "1.1.1.1", "2001:db8::1", "2606:4700::1", "::ffff:1.1.1.1",
    "64:ff9b::1.1.1.1", "::ffff:0:1.1.1.1", "2001:db8::5efe:1.1.1.1",
    "2002:0101:0101::1", "fbff::1", "fe7f::1", "198.17.255.255", "198.20.0.0", "192.0.1.1", "192.0.0.9", "192.0.0.170",
    "64:ff9b::192.0.0.170", "224.0.1.1", "232.1.1.1", "238.255.255.255", "223.255.255.255", "ff0e::1", "ff3e::1",
    "2001:2:1::1", "2001:20::1", "5f01::1", "2001:1::1", teredo("8.8.8.8"), "192.0.2.1", "198.51.100.1",
    "203.0.113.1", "3fff::1", "100::1",
]  # fmt: skip


@pytest.mark.parametrize("text", INSIDE)
def test_inside(text: str) -> None:
    assert is_inside(ip_address(text).packed)


@pytest.mark.parametrize("text", OUTSIDE)
def test_outside(text: str) -> None:
    assert not is_inside(ip_address(text).packed)


@given(octets=st.binary(max_size=20))
def test_any_octets_are_inside_or_not(octets: bytes) -> None:
    assert is_inside(octets) in (True, False)


def test_hints_are_found_behind_other_parameters() -> None:
    alpn = b"\0\1\0\3\2h2"
    hints = b"\0\4\0\x08" + bytes((10, 0, 0, 1, 192, 0, 2, 1)) + b"\0\6\0\x10" + ip_address("fd00::1").packed
    rdata = b"\0\1\3svc\7example\0" + alpn + hints
    assert list(hinted(rdata)) == [bytes((10, 0, 0, 1)), bytes((192, 0, 2, 1)), ip_address("fd00::1").packed]


@given(rdata=st.binary(max_size=80))
def test_hints_of_any_octets_are_addresses(rdata: bytes) -> None:
    assert all(len(packed) in (4, 16) for packed in hinted(rdata))
