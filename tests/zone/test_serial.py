"""Which of two serial numbers is newer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resolver.zone.serial import is_newer

SERIALS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize(
    ("serial", "other", "newer"),
    [
        (1, 0, True),
        (0, 1, False),
        (7, 7, False),
        (0, 2**32 - 1, True),
        (2**31 - 1, 0, True),
        (2**31, 0, False),
        (2**31 + 1, 0, False),
        (0, 2**31 + 1, True),
    ],
)
def test_serial_numbers_go_in_circles(serial: int, other: int, newer: bool) -> None:
    assert is_newer(serial, other) is newer


@given(SERIALS, SERIALS)
def test_of_two_serial_numbers_at_most_one_is_newer(one: int, other: int) -> None:
    assert not (is_newer(one, other) and is_newer(other, one))


@given(SERIALS, st.integers(1, 2**31 - 1))
def test_what_was_added_to_is_newer(serial: int, added: int) -> None:
    assert is_newer((serial + added) % 2**32, serial)
