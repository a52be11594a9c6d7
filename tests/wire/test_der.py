"""Fields of certificates."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.errors import WireError
from resolver.wire.der import valid_until
from tests.upstream.authority import Authority


def certificate(*validity: bytes) -> bytes:
    """As much of a certificate as is looked at."""
    fields = b"\x02\x01\x01" + b"\x30\x00" * 2 + wrapped(b"".join(validity))
    return wrapped(wrapped(b"\xa0\x00" + fields))


def wrapped(content: bytes) -> bytes:
    return b"\x30\x81" + bytes([len(content)]) + content


def moment(tag: int, text: str) -> bytes:
    return bytes([tag, len(text)]) + text.encode()


def test_the_end_is_the_one_that_was_signed(tmp_path: Path) -> None:
    before = datetime.now(UTC).timestamp()
    der = Authority(tmp_path).issue("dns.test", days=3).der
    assert -1 <= valid_until(der) - before - 3 * 86_400 <= 30


@pytest.mark.parametrize(
    ("tag", "text", "expected"),
    [
        (0x17, "491231235959Z", datetime(2049, 12, 31, 23, 59, 59, tzinfo=UTC)),
        (0x17, "500101000000Z", datetime(1950, 1, 1, tzinfo=UTC)),
        (0x18, "20500101000000Z", datetime(2050, 1, 1, tzinfo=UTC)),
        (0x18, "99991231235959Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_years_have_two_digits_or_four(tag: int, text: str, expected: datetime) -> None:
    assert valid_until(certificate(moment(0x17, "200101000000Z"), moment(tag, text))) == expected.timestamp()


@pytest.mark.parametrize(
    "last", [moment(0x17, "20500101000000Z"), moment(0x18, "x"), moment(0x16, "200101000000Z"), b""]
)
def test_what_is_no_time_is_no_certificate(last: bytes) -> None:
    with pytest.raises(WireError):
        valid_until(certificate(moment(0x17, "200101000000Z"), last))


@given(st.binary(max_size=300))
def test_any_octets_end_some_time_or_are_no_certificate(noise: bytes) -> None:
    for octets in (noise, certificate(noise[:100]), certificate(moment(0x17, "200101000000Z"), noise[:60])):
        try:
            valid_until(octets)
        except WireError:
            continue
