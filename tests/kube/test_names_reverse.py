"""Reverse names and the addresses they stand for."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.kube.names_reverse import read_reverse
from resolver.wire.names import from_text


@given(st.ip_addresses())
def test_every_address_is_found_by_its_reverse_name(address: object) -> None:
    found = ip_address(str(address))
    assert read_reverse(from_text(found.reverse_pointer)) == found.packed


@pytest.mark.parametrize(
    "name",
    [
        "in-addr.arpa", "2.0.192.in-addr.arpa", "1.1.2.0.192.in-addr.arpa", "256.2.0.192.in-addr.arpa",
        "01.2.0.192.in-addr.arpa", "x.2.0.192.in-addr.arpa", "ip6.arpa", "1.ip6.arpa", "g" + ".0" * 31 + ".ip6.arpa",
        "00" + ".0" * 31 + ".ip6.arpa", "0" + ".0" * 32 + ".ip6.arpa", "1.2.0.192.example.org",
    ],
)  # fmt: skip
def test_other_names_stand_for_none(name: str) -> None:
    assert read_reverse(from_text(name)) is None
