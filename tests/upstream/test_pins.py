"""Pins of public keys."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.upstream.pins import fingerprint
from tests.upstream.authority import Authority


def test_the_pin_is_the_one_that_others_find(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    for names in (("dns.test",), ("127.0.0.1",), tuple(f"n{number}.test" for number in range(50))):
        certificate = authority.issue(*names)
        assert fingerprint(certificate.der) == certificate.pin


def test_a_renewed_certificate_with_the_same_key_has_the_same_pin(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    first = authority.issue("dns.test")
    second = authority.issue("dns.test", key=first.key)
    assert first.der != second.der
    assert fingerprint(first.der) == fingerprint(second.der)


def test_a_certificate_that_is_cut_off_anywhere_is_none(tmp_path: Path) -> None:
    der = Authority(tmp_path).issue("dns.test").der
    for end in range(len(der)):
        with pytest.raises(WireError):
            fingerprint(der[:end])


@given(st.binary(max_size=300))
def test_any_octets_have_a_pin_or_are_no_certificate(noise: bytes) -> None:
    for octets in (noise, b"\x30\x82\x01\x00\x30\x81\xf0" + noise):
        try:
            assert len(fingerprint(octets)) == 32
        except WireError:
            pass
